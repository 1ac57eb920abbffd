# What a user of lme4, lmerTest and emmeans asks of a fit: writes r_user.json. Run: Rscript r_user.R
suppressMessages({library(lme4); library(lmerTest); library(emmeans); library(splines); library(jsonlite)})
emm_options(lmer.df = "satterthwaite", msg.interaction = FALSE, msg.nesting = FALSE)
set.seed(1)
versions <- c(list(R = R.version.string), sapply(c("lme4", "lmerTest", "emmeans", "mvtnorm"), function(p) as.character(packageVersion(p)), simplify = FALSE))
read <- function(file) { d <- read.csv(file.path("csv", file), stringsAsFactors = TRUE); if (!is.null(d$claim)) d$claim <- as.logical(d$claim); d }
write.csv(as.data.frame(datasets::Indometh), file.path("csv", "indometh.csv"), row.names = FALSE, quote = FALSE)
tight <- lmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-10, maxfun = 2e5), check.conv.grad = "ignore", check.conv.hess = "ignore", check.conv.singular = "ignore")
fit <- function(formula, file, weights = NULL) {
  d <- read(file); d$.w <- if (is.null(weights)) 1 else d[[weights]]
  m <- suppressMessages(eval(bquote(lmerTest::lmer(.(as.formula(formula)), d, weights = .w, control = tight))))
  environment(attr(m@frame, "formula")) <- environment(); m
}
from <- c("SE", "lower.CL", "upper.CL", "asymp.LCL", "asymp.UCL", "t.ratio", "p.value", "emmean", "response", "ratio", "NumDF", "DenDF", "F value", "Pr(>F)", "F.ratio", "df1", "df2", "model term", "LRT", "Df", "Pr(>Chisq)", "logLik", "AIC", "Std. Error", "Estimate", "t value", "Pr(>|t|)")
to <- c("std_error", "conf_low", "conf_high", "conf_low", "conf_high", "statistic", "p_value", "estimate", "estimate", "estimate", "df_num", "df_den", "statistic", "p_value", "statistic", "df_num", "df_den", "term", "statistic", "df", "p_value", "loglik", "aic", "std_error", "estimate", "statistic", "p_value")
rows <- function(x) {
  named <- !("model term" %in% names(x)) && !is.null(rownames(x)) && !identical(rownames(x), as.character(seq_len(nrow(x))))
  x <- as.data.frame(x); if (named) x <- cbind(term = rownames(x), x); rownames(x) <- NULL
  hit <- match(names(x), from); names(x)[!is.na(hit)] <- to[hit[!is.na(hit)]]
  for (k in names(x)) if (is.factor(x[[k]])) x[[k]] <- as.character(x[[k]])
  x
}
entries <- list()
add <- function(ask, file, formula, ..., rows) entries[[length(entries) + 1]] <<- list(ask = ask, data = file, formula = formula, options = list(...), rows = rows)

# Coefficients: what stands inside a formula
for (f in list(c("y ~ visits + I(visits^2) + (1 | id)", "visits.csv"), c("y ~ visits^2 + (1 | id)", "visits.csv"), c("y ~ I(2^visits / 10) + I(-visits^2) + (1 | id)", "visits.csv"),
               c("y ~ I((visits + 1)^2) + I(visits^-1) + (1 | id)", "visits.csv"), c("y ~ visits + offset(visits^2) + (1 | id)", "visits.csv"), c("y ~ log(visits) + sqrt(visits) + (1 | id)", "visits.csv"),
               c("y ~ ns(visits, df = 3) + (1 | id)", "visits.csv"), c("y ~ ns(visits, df = 4, intercept = TRUE) - 1 + (1 | id)", "visits.csv"), c("y ~ poly(visits, 3) + (1 | id)", "visits.csv"),
               c("y ~ bs(visits, df = 4) + (1 | id)", "visits.csv"), c("y ~ claim * arm + (1 | id)", "claims.csv"), c("y ~ arm + (1 | id) + (0 + claim | id)", "claims.csv"),
               c("y ~ arm + I(x > 0) + (1 | id)", "arms.csv")))
  add("tidy", f[2], f[1], rows = rows(coef(summary(fit(f[1], f[2])))))
m <- fit("y ~ x + (1 | id)", "weights.csv", "w"); add("tidy", "weights.csv", "y ~ x + (1 | id)", weights = "w", rows = rows(coef(summary(m))))

# Natural splines at new places, beyond the outer knots too
x <- read("visits.csv")$visits
for (call in c("ns(x, df = 3)", "ns(x, df = 4, intercept = TRUE)", "ns(x, knots = c(2.5, 6))", "ns(x, df = 2, Boundary.knots = c(2, 7))")) {
  basis <- eval(parse(text = call)); at <- c(-1, 0.5, 1, 3.3, 7.9, 8, 11)
  add("ns", "visits.csv", call, at = at, rows = unclass(predict(basis, at))[, , drop = FALSE])
}

# Tests of terms
for (f in list(c("y ~ arm:visit + (1 | id)", "arms.csv"), c("y ~ arm + visit + (1 | id)", "arms.csv"), c("y ~ arm * visit + x + (1 | id)", "arms.csv"), c("y ~ arm * x + visit + (1 | id)", "arms.csv"),
               c("y ~ visit + ns(x, df = 3) + (1 | id)", "arms.csv"), c("y ~ arm * poly(x, 2) + (1 | id)", "arms.csv"), c("y ~ claim * arm + (1 | id)", "claims.csv"),
               c("conc ~ ns(time, df = 4) + (1 | Subject)", "indometh.csv"), c("conc ~ bs(time, df = 5) + (1 | Subject)", "indometh.csv"), c("conc ~ poly(time, 3) + (1 | Subject)", "indometh.csv"))) {
  m <- fit(f[1], f[2])
  for (type in 1:3) add("anova", f[2], f[1], type = type, rows = rows(anova(m, type = type)))
}
m <- fit("y ~ x + arm:visit:x + (1 | id)", "arms.csv"); a <- rows(anova(m, type = 3)); add("anova", "arms.csv", "y ~ x + arm:visit:x + (1 | id)", type = 3, rows = a[a$term != "x", ])
add("slope", "arms.csv", "y ~ x + arm:visit:x + (1 | id)", rows = rows(test(emtrends(m, ~ 1, var = "x", data = read("arms.csv")))))
for (f in c("y ~ arm * visit + (1 | id)", "y ~ arm * visit + x + (1 | id)", "y ~ arm * x + (1 | id)", "y ~ arm / visit + (1 | id)")) { m <- fit(f, "arms.csv"); add("joint_tests", "arms.csv", f, rows = rows(joint_tests(m))) }
m <- fit("y ~ arm * visit + (1 | id)", "arms.csv"); add("joint_tests", "arms.csv", "y ~ arm * visit + (1 | id)", by = "visit", rows = rows(joint_tests(m, by = "visit")))
m <- fit("y ~ claim * arm + (1 | id)", "claims.csv"); add("joint_tests", "claims.csv", "y ~ claim * arm + (1 | id)", rows = rows(joint_tests(m)))
for (f in c("y ~ clinic + clinic:therapist + (1 | patient)", "y ~ clinic + therapist + (1 | patient)")) {
  m <- fit(f, "clinics.csv"); add("emmeans", "clinics.csv", f, factor = "clinic", rows = rows(emmeans(m, ~ clinic)))
  add("joint_tests", "clinics.csv", f, rows = rows(joint_tests(m)))
}
for (f in c("y ~ arm * visit + x + (1 | id)", "y ~ arm + visit + x + (1 | id)")) add("drop1", "arms.csv", f, rows = rows(drop1(fit(f, "arms.csv"))))
for (f in list(c("y ~ arm + x + (1 + x | id)", "arms.csv"), c("y ~ x + arm + (1 | id) + (1 | th)", "crossed.csv"), c("y ~ arm + (1 | id) + (0 + x | id)", "arms.csv")))
  { r <- rows(ranova(fit(f[1], f[2]))); add("ranova", f[2], f[1], rows = r[-1, ]) }

# Contrasts, adjustments, and what is tested
f <- "y ~ visit * arm + x + (1 | id)"; m <- fit(f, "arms.csv"); e <- emmeans(m, ~ visit); both <- function(k, ...) rows(summary(k, infer = TRUE, ...))
for (method in c("pairwise", "revpairwise", "consec", "eff", "del.eff", "mean_chg", "poly")) add("contrasts", "arms.csv", f, factor = "visit", method = method, adjust = "none", rows = both(contrast(e, method, adjust = "none")))
helmert <- list("V10 vs earlier" = c(-1, 1, 0, 0), "V2 vs earlier" = c(-1, -1, 2, 0) / 2, "V3 vs earlier" = c(-1, -1, -1, 3) / 3)
add("contrasts", "arms.csv", f, factor = "visit", method = "helmert", adjust = "none", rows = both(contrast(e, helmert, adjust = "none")))
for (adjust in c("none", "holm", "mvt", "dunnettx", "sidak")) add("contrasts", "arms.csv", f, factor = "visit", method = "trt.vs.ctrl", reference = "V2", adjust = adjust, rows = both(contrast(e, "trt.vs.ctrl", ref = 3, adjust = adjust)))
for (adjust in c("holm", "bonferroni", "sidak", "tukey", "scheffe", "BH", "BY", "mvt")) {
  add("contrasts", "arms.csv", f, factor = "visit", method = "pairwise", adjust = adjust, rows = both(pairs(e, adjust = adjust)))
  add("contrasts", "arms.csv", f, factor = "visit", method = "pairwise", adjust = adjust, by = "arm", rows = both(contrast(emmeans(m, ~ visit | arm), "pairwise", adjust = adjust)))
}
for (side in c("two-sided", "greater", "less")) for (delta in c(0, 0.3)) for (adjust in c("none", "bonferroni", "sidak", "holm", "mvt")) for (null in c(0, 0.2)) {
  if (adjust != "none" && null != 0) next
  r <- c("two-sided" = "=", greater = ">", less = "<")[[side]]
  k <- both(contrast(e, "consec"), side = r, delta = delta, null = null, adjust = adjust)
  k[["null"]] <- NULL
  for (limit in c("conf_low", "conf_high")) k[[limit]][is.infinite(k[[limit]])] <- NA
  add("contrasts", "arms.csv", f, factor = "visit", method = "consec", adjust = adjust, null = null, side = side, delta = delta, rows = k)
}
add("emmeans", "arms.csv", f, factor = "visit", null = 0.5, side = "greater", rows = rows(test(e, null = 0.5, side = ">"))[, c("visit", "estimate", "std_error", "df", "statistic", "p_value")])

# Back from a logarithm
for (log in c("log", "log2", "log10")) {
  f <- paste0(log, "(y + 10) ~ arm + (1 | id)"); m <- fit(f, "arms.csv"); e <- emmeans(m, ~ arm)
  add("emmeans", "arms.csv", f, factor = "arm", type = "response", rows = rows(summary(e, type = "response")))
  k <- rows(summary(pairs(e, adjust = "none"), type = "response", infer = TRUE)); k[["null"]] <- NULL
  add("contrasts", "arms.csv", f, factor = "arm", adjust = "none", type = "response", rows = k)
}
writeLines(toJSON(list(versions = versions, entries = entries), digits = NA, auto_unbox = TRUE, dataframe = "rows", matrix = "rowmajor", na = "null"), "r_user.json")
cat(length(entries), "entries\n")
