# What the scripts of this folder share: reading, a tightly converged fit, and writing with 15 digits.
suppressMessages({library(lme4); library(lmerTest); library(pbkrtest); library(emmeans); library(jsonlite)})
emm_options(lmerTest.limit = 1e6, pbkrtest.limit = 1e6, msg.interaction = FALSE, msg.nesting = FALSE)

packages <- function(...) {
  names <- c("lme4", "lmerTest", "pbkrtest", "emmeans", ...)
  c(list(R = R.version.string), sapply(names, function(p) as.character(packageVersion(p)), simplify = FALSE))
}
read <- function(file, factors = c()) {
  path <- file.path("csv", file)
  if (!file.exists(path)) path <- file.path("..", "lme4", "csv", file)
  d <- read.csv(path)
  for (f in factors) d[[f]] <- factor(d[[f]])
  d
}
# lmer from two optimisers, each as tight as it goes, and from further starts where the fit is singular (lme4 can stop at a lower, local
# optimum there); the highest likelihood is kept.
tight <- function(formula, d, REML = TRUE, weights = NULL, ...) {
  d$.w <- if (is.null(weights)) 1 else d[[weights]]
  fit <- function(control, start = NULL)
    suppressMessages(suppressWarnings(eval(bquote(lmerTest::lmer(.(formula), d, REML = .(REML), weights = .w, start = .(start), control = .(control))))))
  tighter <- c(check.conv.grad = "ignore", check.conv.singular = "ignore", check.conv.hess = "ignore")
  a <- fit(do.call(lmerControl, c(list(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-10, maxfun = 2e5)), as.list(tighter))))
  b <- fit(do.call(lmerControl, c(list(optimizer = "nloptwrap", optCtrl = list(xtol_rel = 1e-12, xtol_abs = 1e-12, ftol_rel = 1e-15, ftol_abs = 0, maxeval = 1e5)), as.list(tighter))), start = getME(a, "theta"))
  better <- function(a, b) if (as.numeric(logLik(b)) > as.numeric(logLik(a)) + 1e-12) b else a
  m <- better(a, b)
  if (isSingular(m, 1e-3)) {
    set.seed(1); lower <- getME(m, "lower"); n <- length(lower)
    for (k in 1:8) {
      start <- ifelse(lower == 0, exp(rnorm(n, -1)), rnorm(n, 0, .3))
      s <- fit(do.call(lmerControl, c(list(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-10, maxfun = 2e5)), as.list(tighter))), start)
      m <- better(m, s)
    }
  }
  environment(attr(m@frame, "formula")) <- environment()
  m
}
table_of <- function(x) { x <- as.data.frame(x); x <- cbind(term = rownames(x), x); rownames(x) <- NULL; x }
# Names every frame's columns the same way, whatever the package calls them.
tidy_names <- function(d) {
  d <- as.data.frame(d)
  from <- c("SE", "lower.CL", "upper.CL", "asymp.LCL", "asymp.UCL", "t.ratio", "z.ratio", "p.value", "emmean", "NumDF", "DenDF", "F value", "Pr(>F)", "Sum Sq", "Mean Sq")
  to <- c("std_error", "conf_low", "conf_high", "conf_low", "conf_high", "statistic", "statistic", "p_value", "estimate", "df_num", "df_den", "statistic", "p_value", "sum_sq", "mean_sq")
  hit <- match(names(d), from); names(d)[!is.na(hit)] <- to[hit[!is.na(hit)]]
  for (k in names(d)) if (is.factor(d[[k]])) d[[k]] <- as.character(d[[k]])
  d
}
store <- function(entries, file, ...) {
  json <- toJSON(list(versions = packages(...), entries = entries), digits = NA, auto_unbox = TRUE, dataframe = "rows", matrix = "rowmajor", na = "null", pretty = TRUE)
  writeLines(json, file)
  cat(file, length(entries), "entries\n")
}
