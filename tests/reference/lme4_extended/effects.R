# robust.json (cluster-robust covariance), effect_sizes.json (intraclass correlation, Nakagawa's R2), bootstrap.json (parametric bootstrap; refits).
source("common.R"); source("dense.R"); suppressMessages({library(clubSandwich); library(performance)})
clinic <- c("episode_id", "patient_id", "clinic_id", "condition", "arm", "therapist_id")

robust <- function(name, file, formula, factors, cluster, weights = NULL, rows = NULL) {
  d <- read(file, factors); m <- tight(as.formula(formula), d, TRUE, weights); g <- d[[cluster]]; own <- dense_cr2(m, g)
  out <- list(name = name, data = file, formula = formula, factors = I(factors), cluster = cluster, weights = if (is.null(weights)) "" else weights, terms = names(fixef(m)), estimate = fixef(m),
              vcov_cr0 = own$vcov_cr0, vcov_cr2 = own$vcov_cr2, std_error = sqrt(diag(own$vcov_cr2)), df = own$df)
  out$p_value <- 2 * pt(-abs(out$estimate / out$std_error), out$df)
  if (is.null(weights)) {
    m <- suppressMessages(lme4::lmer(as.formula(formula), d, start = getME(m, "theta"), control = lmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-10))))   # clubSandwich wants a call without weights
    V2 <- vcovCR(m, cluster = g, type = "CR2"); V0 <- vcovCR(m, cluster = g, type = "CR0"); tests <- coef_test(m, vcov = V2, cluster = g, test = "Satterthwaite")
    out$clubsandwich <- list(std_error_cr0 = sqrt(diag(as.matrix(V0))), std_error_cr1 = sqrt(diag(as.matrix(vcovCR(m, cluster = g, type = "CR1")))), std_error = tests$SE, df = tests$df_Satt, p_value = tests$p_Satt)
    cat(sprintf("%-24s dense against clubSandwich: se %.1e, df %.1e\n", name, max(abs(tests$SE / out$std_error - 1)), max(abs(tests$df_Satt / own$df - 1))))
    if (!is.null(rows)) { L <- diag(length(fixef(m)))[rows, ]; w <- Wald_test(m, constraints = L, vcov = V2, test = "HTZ"); out$wald_htz <- list(L = L, statistic = w$Fstat, df_num = w$df_num, df_den = w$df_denom, p_value = w$p_val) }
  }
  out
}
store(list(
  robust("hetero", "hetero.csv", "improvement ~ arm * session_count + dose + (1 | cluster)", c("cluster", "arm"), "cluster", rows = c(2, 5)),
  robust("hetero_slopes", "hetero.csv", "improvement ~ arm * session_count + dose + (1 + session_count | cluster)", c("cluster", "arm"), "cluster", rows = c(3, 5)),
  robust("sleepstudy", "lme4_sleepstudy.csv", "Reaction ~ Days + (1 + Days | Subject)", "Subject", "Subject", rows = 1:2),
  robust("sleepstudy_intercept", "lme4_sleepstudy.csv", "Reaction ~ Days + (1 | Subject)", "Subject", "Subject", rows = 1:2),
  robust("clinic", "clinic.csv", "improvement ~ condition * session_count + pressure + baseline + (1 + session_count | episode_id)", clinic, "episode_id", rows = 7:8),
  robust("nested_top", "nested.csv", "improvement ~ session_count + (1 + session_count | clinic_id) + (1 | clinic_id:patient)", c("clinic_id", "patient"), "clinic_id", rows = 1:2),
  robust("orthodont", "nlme_Orthodont.csv", "distance ~ age * Sex + (1 | Subject)", c("Subject", "Sex"), "Subject", rows = 3:4),
  robust("clinic_weights", "clinic.csv", "improvement ~ session_count + pressure + (1 | episode_id)", clinic, "episode_id", "weight")), "robust.json", "clubSandwich")

# Variance of a random term: the mean over the rows of z' S z (Johnson 2014, Methods Ecol. Evol. 5, 944); fixed variance: sample variance of X b.
sizes <- function(name, file, formula, factors, REML = TRUE) {
  d <- read(file, factors); m <- tight(as.formula(formula), d, REML); Z <- getME(m, "mmList")
  random <- sapply(seq_along(Z), function(t) { S <- as.matrix(VarCorr(m)[[t]]); mean(rowSums((Z[[t]] %*% S) * Z[[t]])) }); names(random) <- names(VarCorr(m))
  fixed <- var(drop(getME(m, "X") %*% fixef(m))); s2 <- sigma(m)^2; total <- fixed + sum(random) + s2; r2 <- suppressWarnings(r2_nakagawa(m, tolerance = 0)); ic <- suppressWarnings(icc(m, tolerance = 0))
  out <- list(name = name, data = file, formula = formula, factors = I(factors), reml = REML, variance_fixed = fixed, variance_random = as.list(random), variance_residual = s2,
    r2_marginal = fixed / total, r2_conditional = (fixed + sum(random)) / total, icc_adjusted = sum(random) / (sum(random) + s2), icc_unadjusted = sum(random) / total, icc_by_term = as.list(random / (sum(random) + s2)))
  if (is.list(r2)) out$performance <- list(r2_marginal = unname(r2$R2_marginal), r2_conditional = unname(r2$R2_conditional), icc_adjusted = if (is.list(ic)) ic$ICC_adjusted else "", icc_unadjusted = if (is.list(ic)) ic$ICC_unadjusted else "")
  if (is.list(r2)) cat(sprintf("%-20s against performance: %.1e %.1e\n", name, out$r2_marginal - out$performance$r2_marginal, out$r2_conditional - out$performance$r2_conditional))
  out
}
store(list(
  sizes("rail", "nlme_Rail.csv", "travel ~ 1 + (1 | Rail)", "Rail"), sizes("sleepstudy_intercept", "lme4_sleepstudy.csv", "Reaction ~ Days + (1 | Subject)", "Subject"),
  sizes("sleepstudy", "lme4_sleepstudy.csv", "Reaction ~ Days + (1 + Days | Subject)", "Subject"), sizes("sleepstudy_ml", "lme4_sleepstudy.csv", "Reaction ~ Days + (1 + Days | Subject)", "Subject", FALSE),
  sizes("clinic_two", "clinic.csv", "improvement ~ condition * session_count + pressure + baseline + (1 + session_count | episode_id) + (1 | therapist_id)", clinic),
  sizes("penicillin", "lme4_Penicillin.csv", "diameter ~ 1 + (1 | plate) + (1 | sample)", c("plate", "sample")), sizes("therapist_zero", "therapist_zero.csv", "improvement ~ session_count + (1 | episode_id) + (1 | therapist_id)", c("episode_id", "therapist_id")),
  sizes("nested", "nested.csv", "improvement ~ session_count + (1 | clinic_id/patient)", c("clinic_id", "patient"))), "effect_sizes.json", "performance")

# Draws of another generator cannot be equal; means and quantiles can, within mc_error. Refits to given responses can be equal.
boot <- function(name, file, formula, factors, REML = TRUE, n = 4000) {
  m <- tight(as.formula(formula), read(file, factors), REML); what <- function(f) { v <- as.data.frame(VarCorr(f)); c(fixef(f), setNames(v$sdcor, paste("sd_or_corr", v$grp, v$var1, ifelse(is.na(v$var2), "", v$var2)))) }
  b <- suppressMessages(suppressWarnings(bootMer(m, what, nsim = n, seed = 20261123, type = "parametric")))$t; q <- c(.025, .25, .5, .75, .975)
  density_at <- function(x, p) { x <- x[is.finite(x)]; d <- density(x); approx(d$x, d$y, quantile(x, p))$y }
  rows <- lapply(seq_len(ncol(b)), function(j) { x <- b[is.finite(b[, j]), j]; list(term = colnames(b)[j], estimate = unname(what(m)[j]), mean = mean(x), mean_mc_error = sd(x) / sqrt(length(x)), sd = sd(x), sd_mc_error = sd(x) / sqrt(2 * length(x)),
    quantiles = unname(quantile(x, q)), quantiles_mc_error = sqrt(q * (1 - q) / length(x)) / density_at(x, q), share_at_zero = mean(abs(x) < 1e-5)) })
  cat(name, "bootstrap done\n"); list(name = name, data = file, formula = formula, factors = I(factors), reml = REML, n_draws = n, probabilities = q, summary = rows)
}
refits <- function(name, file, formula, factors) {
  d <- read(file, factors); f <- as.formula(formula); response <- all.vars(f)[1]; y <- d[[response]]; n <- length(y); i <- seq_len(n)
  responses <- list(reversed = rev(y), wave = y + sd(y) * sin(i), rotated = y[c(5:n, 1:4)])
  list(name = name, data = file, formula = formula, factors = I(factors), refits = lapply(names(responses), function(k) { d[[response]] <- responses[[k]]; m <- tight(f, d)
    list(response = k, loglik = as.numeric(logLik(m)), theta = as.numeric(getME(m, "theta")), sigma = sigma(m), estimate = fixef(m), std_error = sqrt(diag(as.matrix(vcov(m)))), singular = isSingular(m)) }))
}
store(list(
  boot = list(boot("sleepstudy", "lme4_sleepstudy.csv", "Reaction ~ Days + (1 + Days | Subject)", "Subject"), boot("rail_ml", "nlme_Rail.csv", "travel ~ 1 + (1 | Rail)", "Rail", FALSE),
    boot("clinic_crossed", "clinic.csv", "improvement ~ arm * session_count + (1 | episode_id) + (1 | therapist_id)", clinic, n = 2000)),
  refit = list(refits("sleepstudy", "lme4_sleepstudy.csv", "Reaction ~ Days + (1 + Days | Subject)", "Subject"), refits("clinic_one", "clinic.csv", "improvement ~ condition * session_count + (1 + session_count | episode_id)", clinic),
    refits("clinic_crossed", "clinic.csv", "improvement ~ arm * session_count + (1 | episode_id) + (1 | therapist_id)", clinic))), "bootstrap.json")
