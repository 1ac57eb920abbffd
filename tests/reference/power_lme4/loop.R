# A plain loop of lme4 + lmerTest over the trials of trials.py: Rscript loop.R IN OUT
# An unstructured covariance of the residuals is, to lme4, a random effect of every occasion beside a
# residual variance that cannot be told from it; estimates, errors and df do not depend on how they part.
suppressMessages({library(lme4); library(lmerTest)})
files <- commandArgs(trailingOnly = TRUE)
trials <- read.csv(files[1])
# Of two optimisers the one that goes lower: bobyqa alone stops 0.6 above the optimum of trial 16.
free <- lapply(c("bobyqa", "nloptwrap"), function(name) lmerControl(check.nobs.vs.nRE = "ignore", optimizer = name))
rows <- lapply(unique(trials$trial), function(k) {
  one <- trials[trials$trial == k, ]
  one$week <- factor(one$occasion)
  later <- setdiff(levels(one$week), "0")
  for (w in later) one[[paste0("m", w)]] <- as.numeric(one$week == w) * one$treated
  fixed <- paste("better ~ week +", paste0("m", later, collapse = " + "))
  f <- as.formula(paste(fixed, "+ (0 + week | course) + (0 + later | cluster) + (0 + growing | cluster)"))
  fits <- suppressWarnings(suppressMessages(lapply(free, function(how) lmer(f, one, control = how))))
  start <- getME(fits[[which.min(sapply(fits, REMLcrit))]], "theta")
  fit <- suppressWarnings(suppressMessages(lmer(f, one, start = start, control = free[[1]])))
  found <- coef(summary(fit))[paste0("m", tail(later, 1)), ]
  data.frame(trial = k, week = as.numeric(tail(later, 1)), t(setNames(found, c("estimate", "std_error", "df", "t", "p_value"))))
})
numbers <- do.call(rbind, rows)
numbers$versions <- sprintf("R %s.%s, lme4 %s, lmerTest %s", R.version$major, R.version$minor,
                            packageVersion("lme4"), packageVersion("lmerTest"))
write.csv(numbers, files[2], row.names = FALSE)
