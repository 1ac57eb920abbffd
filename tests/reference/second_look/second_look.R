# Models of a clinic's visits that no other oracle holds: Rscript second_look.R
suppressMessages({library(lme4); library(lmerTest); library(pbkrtest); library(emmeans); library(nlme); library(splines); library(jsonlite)})
d <- read.csv("csv/visits.csv"); d <- d[order(d$id, d$visit), ]
for (name in c("id", "clinic", "region", "th", "arm", "press")) d[[name]] <- factor(d[[name]])
emm_options(lmerTest.limit = 1e5, pbkrtest.limit = 1e5)
entries <- list()
tight <- list(lmerControl("bobyqa", optCtrl = list(rhoend = 1e-10, maxfun = 1e6)), lmerControl("nloptwrap", optCtrl = list(xtol_abs = 1e-11, ftol_abs = 1e-12, maxeval = 1e5)))
quiet <- function(x) suppressMessages(suppressWarnings(x))
best <- function(formula, data, reml, weights) {
  data$.w <- weights
  fits <- lapply(tight, function(control) quiet(lmerTest::lmer(formula, data, REML = reml, weights = .w, control = control)))
  fits[[which.max(sapply(fits, logLik))]]
}
# pbkrtest leaves prior weights out, so Kenward-Roger with weights is that of the rows times the roots of their weights.
weighted <- function(fixed, group, root) {
  X <- model.matrix(as.formula(paste("~", fixed)), d) * root
  names <- paste0("c", seq_len(ncol(X))); colnames(X) <- names
  data <- cbind(as.data.frame(X), root = root, y = d$y * root, id = d[[group]])
  best(as.formula(paste("y ~ 0 +", paste(names, collapse = "+"), "+ (0 + root | id)")), data, TRUE, rep(1, nrow(d)))
}
lme4_entry <- function(text, df = "satterthwaite", reml = TRUE, prior = NULL) {  # lmer puts a name "weights" of its own beside the formula
  w <- if (is.null(prior)) rep(1, nrow(d)) else d[[prior]]
  m <- if (is.null(prior) || df == "satterthwaite") best(as.formula(text), d, reml, w) else weighted("visit * arm + base", "id", sqrt(w))
  s <- coef(summary(m, ddf = c(satterthwaite = "Satterthwaite", `kenward-roger` = "Kenward-Roger")[[df]]))
  entry <- list(formula = text, df = df, reml = reml, weights = prior, estimate = s[, 1], std_error = s[, 2], df_den = s[, 3], sd_or_corr = as.data.frame(VarCorr(m))$sdcor)
  if (is.null(prior)) {  # the log-likelihood of weighted rows times roots has another constant
    pairs <- as.data.frame(pairs(quiet(emmeans(m, "arm", lmer.df = df, data = d)), adjust = "tukey"))
    entry <- c(entry, list(loglik = as.numeric(logLik(m)), contrasts = pairs[, c("estimate", "SE", "df", "p.value")]))
  }
  entries[[length(entries) + 1]] <<- lapply(entry, function(x) if (is.data.frame(x)) as.list(x) else unname(x))
}
for (df in c("satterthwaite", "kenward-roger")) {
  lme4_entry("y ~ visit * arm + x + (1 + visit | id) + (1 | th)", df)
  lme4_entry("y ~ visit + arm + press + (1 | clinic/id)", df)
  lme4_entry("y ~ visit * arm + (1 | id) + (1 | region)", df)
  lme4_entry("y ~ visit * arm + base + (1 | id)", df, prior = "w")
}
lme4_entry("y ~ visit + arm + press + (1 | region/clinic/id)")
lme4_entry("y ~ offset(0.5 * base) + visit + arm + (1 | id)")
lme4_entry("y ~ visit + arm + (visit + x || id)")
lme4_entry("y ~ visit * press * arm + (1 + visit | id)", reml = FALSE)
lme4_entry("y ~ 0 + arm + visit + (0 + visit | id)")
lme4_entry("y ~ ns(visit, 3) * arm + (1 | id)")
lme4_entry("log(pos) ~ poly(visit, 2) * arm + log(x) + (1 | id)")
lme4_entry("y ~ visit * arm + (0 + press | clinic) + (1 | id)")
lme4_entry("y ~ press * arm + (1 | id) + (1 + visit | th)")
nlme_entry <- function(text, fixed, correlation, variance = NULL, random = NULL) {
  m <- if (is.null(random)) {
    gls(as.formula(fixed), d, correlation, variance, control = glsControl(maxIter = 500, msMaxIter = 1000, tolerance = 1e-10, msTol = 1e-12, returnObject = TRUE))
  } else lme(as.formula(fixed), d, random, correlation, control = lmeControl(maxIter = 500, msMaxIter = 1000, tolerance = 1e-10, msTol = 1e-12))
  b <- if (is.null(random)) coef(m) else fixef(m)
  entries[[length(entries) + 1]] <<- list(formula = text, df = "satterthwaite", reml = TRUE, weights = NULL, estimate = unname(b), std_error = unname(sqrt(diag(vcov(m)))), loglik = as.numeric(logLik(m)))
}
nlme_entry("y ~ visit * arm + base + ar1(visit | id)", "y ~ visit * arm + base", corAR1(0.3, ~ visit | id))
nlme_entry("y ~ visit * arm + base + ar1h(visit | id)", "y ~ visit * arm + base", corAR1(0.3, ~ visit | id), varIdent(form = ~ 1 | visit))
nlme_entry("y ~ factor(visit) * arm + base + us(visit | id)", "y ~ factor(visit) * arm + base", corSymm(form = ~ (visit + 1) | id), varIdent(form = ~ 1 | visit))
nlme_entry("y ~ visit * arm + csh(visit | id)", "y ~ visit * arm", corCompSymm(form = ~ 1 | id), varIdent(form = ~ 1 | visit))
nlme_entry("y ~ visit * arm + ou(day | id)", "y ~ visit * arm", corCAR1(0.9, ~ day | id))
nlme_entry("y ~ visit * arm + (1 | id) + ou(day | id)", "y ~ visit * arm", corCAR1(0.9, ~ day | id), random = ~ 1 | id)
packages <- c("lme4", "lmerTest", "pbkrtest", "emmeans", "nlme")
versions <- c(R = R.version.string, sapply(packages, function(p) as.character(packageVersion(p))))
writeLines(toJSON(list(versions = as.list(versions), entries = entries), digits = 12, auto_unbox = TRUE, null = "null"), "second_look.json")
cat(length(entries), "entries\n")
