# Fits and what is asked of them in models.json, by lme4, lmerTest, pbkrtest, emmeans, nlme and clubSandwich: Rscript third_look.R
suppressMessages({library(lme4); library(lmerTest); library(pbkrtest); library(emmeans); library(nlme); library(splines); library(jsonlite); library(clubSandwich)})
emm_options(lmer.df = "satterthwaite", msg.interaction = FALSE, msg.nesting = FALSE, lmerTest.limit = 1e5, pbkrtest.limit = 1e5)
quiet <- function(x) suppressMessages(suppressWarnings(x))
tight <- list(lmerControl("bobyqa", optCtrl = list(rhoend = 1e-10, maxfun = 1e6)), lmerControl("nloptwrap", optCtrl = list(xtol_abs = 1e-12, ftol_abs = 1e-13, maxeval = 1e5)))
exact <- list(maxIter = 500, msMaxIter = 1000, tolerance = 1e-11, msTol = 1e-13, returnObject = TRUE)
read <- function(name) {
  d <- read.csv(file.path("csv", paste0(name, ".csv")), stringsAsFactors = FALSE)
  for (k in names(d)) if (is.character(d[[k]])) d[[k]] <- if (all(d[[k]] %in% c("True", "False"))) d[[k]] == "True" else factor(d[[k]], sort(unique(d[[k]]), method = "radix"))
  if (name == "series") { d$vis <- factor(d$k); d <- d[order(d$id, d$k), ] }
  d
}
first <- function(x) unname(head(x, 6))
kr <- function(m, expr) { emm_options(lmer.df = "kenward-roger"); on.exit(emm_options(lmer.df = "satterthwaite")); eval(expr, list(m = m)) }
cr2 <- function(m0, cluster) { x <- coef_test(m0, vcov = "CR2", cluster = cluster); data.frame(std_error = x$SE, df = x$df_Satt) }
rows <- function(x) {
  x <- as.data.frame(x); from <- c("emmean", "response", "ratio", "SE", "lower.CL", "upper.CL", "t.ratio", "p.value", "F.ratio", "df1", "df2", "F value", "NumDF", "DenDF", "Pr(>F)")
  to <- c("estimate", "estimate", "estimate", "std_error", "conf_low", "conf_high", "statistic", "p_value", "statistic", "df_num", "df_den", "statistic", "df_num", "df_den", "p_value")
  names(x) <- ifelse(names(x) %in% from, to[match(names(x), from)], sub("visit.trend|x.trend", "estimate", names(x)))
  as.list(x[intersect(c(unique(to), "df"), names(x))])
}
fitted_by <- function(s, d) {
  if (!is.null(s$call)) return(eval(parse(text = s$call), list(d = d, exact = exact)))
  d$.w <- if (is.null(s$weights)) 1 else d[[s$weights]]
  fits <- lapply(tight, function(ct) quiet(eval(bquote(lmerTest::lmer(.(as.formula(s$formula)), d, REML = .(!isFALSE(s$reml)), weights = .w, control = .(ct))))))
  fits[[which.max(sapply(fits, logLik))]]
}
out <- lapply(fromJSON("models.json", simplifyVector = FALSE), function(s) {
  d <- read(s$data); m <- fitted_by(s, d); environment(tight) <- environment()
  if (!is.null(s$call)) {
    b <- if (inherits(m, "lme")) fixef(m) else coef(m)
    r <- list(estimate = unname(b), loglik = as.numeric(logLik(m)))
    if (!isFALSE(s$reml)) r$std_error <- unname(sqrt(diag(vcov(m))))  # nlme rescales them under ML
    return(r)
  }
  b <- coef(summary(m)); re <- ranef(m, condVar = TRUE)[[1]]
  r <- list(estimate = unname(b[, 1]), std_error = unname(b[, 2]), df = unname(b[, 3]), loglik = as.numeric(logLik(m)), sd_or_corr = as.data.frame(VarCorr(m))$sdcor,
            fitted = first(fitted(m)), leverage = first(hatvalues(m)), residual_pearson = first(residuals(m, "pearson", scaled = TRUE)))
  if (isTRUE(s$kr)) { k <- coef(summary(m, ddf = "Kenward-Roger")); r$kr <- list(std_error = unname(k[, 2]), df = unname(k[, 3])) }
  r$asks <- lapply(s$asks, function(a) rows(quiet(eval(parse(text = a$r), list(m = m, d = d, s = s)))))
  r
})
packages <- c("lme4", "lmerTest", "pbkrtest", "emmeans", "nlme", "clubSandwich")
versions <- c(R = R.version.string, sapply(packages, function(p) as.character(packageVersion(p))))
writeLines(toJSON(list(versions = as.list(versions), entries = out), digits = 12, auto_unbox = TRUE, null = "null"), "third_look.json")
cat(length(out), "entries\n")
