# models.json: the same quantities for many shapes of model. `formula` is what both languages read; `formula_r` where R needs another.
source("common.R"); source("dense.R")
one <- function(name, file, formula, factors = c(), formula_r = formula, weights = NULL, about = "", kr = TRUE, unidentified = FALSE) {
  d <- read(file, factors)
  out <- list(name = name, about = about, data = file, formula = formula, formula_r = formula_r, factors = I(factors),
              weights = if (is.null(weights)) "" else weights, covariance_not_unique = unidentified)
  for (reml in c(TRUE, FALSE)) {
    m <- tight(as.formula(formula_r), d, reml, weights)
    vc <- as.data.frame(VarCorr(m))
    cf <- as.data.frame(suppressMessages(summary(m))$coefficients)
    r <- list(n_observations = nobs(m), loglik = as.numeric(logLik(m)), aic = AIC(m), bic = BIC(m), sigma = sigma(m), singular = isSingular(m),
      gradient = max(0, abs(m@optinfo$derivs$gradient[getME(m, "theta") > getME(m, "lower") + 1e-5])),
      theta = as.numeric(getME(m, "theta")), theta_names = names(getME(m, "theta")),
      variance_components = data.frame(group = vc$grp, term_1 = vc$var1, term_2 = vc$var2, variance = vc$vcov, sd_or_corr = vc$sdcor),
      terms = rownames(cf), estimate = cf[, 1], std_error = cf[, 2], df_satterthwaite = cf[, "df"], statistic = cf[, "t value"], p_value = cf[, ncol(cf)],
      vcov = as.matrix(vcov(m)), aliased = I(as.character(names(attr(getME(m, "X"), "col.dropped")))))
    if (reml) {
      r$anova_satterthwaite <- tidy_names(table_of(anova(m)))
      if (!is.null(weights)) { k <- dense_kr(m); r$std_error_kr <- as.numeric(k$std_error); r$df_kr <- k$df }   # pbkrtest 0.5.2 leaves the weights out
      else if (kr && nobs(m) < 700) {
        k <- tryCatch(as.data.frame(summary(m, ddf = "Kenward-Roger")$coefficients), error = function(e) NULL)
        if (!is.null(k)) { r$std_error_kr <- k[, 2]; r$df_kr <- k[, "df"]; r$anova_kr <- tidy_names(table_of(anova(m, ddf = "Kenward-Roger"))) }
      }
      re <- ranef(m, condVar = TRUE)
      r$random_effects <- lapply(re, function(g) { keep <- seq_len(min(6, nrow(g)))
        v <- attr(g, "postVar"); if (is.list(v)) v <- NULL
        list(levels = rownames(g)[keep], terms = I(colnames(g)), values = as.matrix(g)[keep, , drop = FALSE],
             cond_var = if (is.null(v)) "" else lapply(keep, function(i) matrix(v[, , i], ncol(g)))) })
      rows <- round(seq(1, nobs(m), length.out = 7))
      r$rows_used <- as.integer(rows); r$fitted <- as.numeric(fitted(m))[rows]; r$fixed_fitted <- as.numeric(predict(m, re.form = NA))[rows]
      r$residual_pearson <- as.numeric(residuals(m, type = "pearson"))[rows]; r$leverage <- as.numeric(hatvalues(m))[rows]
    }
    out[[if (reml) "reml" else "ml"]] <- r
  }
  cat(sprintf("%-28s n %4d  gradient %.1e %s\n", name, out$reml$n_observations, out$reml$gradient, if (out$reml$singular) "singular" else ""))
  out
}
clinic <- c("episode_id", "patient_id", "clinic_id", "condition", "arm", "therapist_id")
headline <- "improvement ~ condition * session_count + pressure + baseline + (1 + session_count | episode_id)"
entries <- list(
  one("rail", "nlme_Rail.csv", "travel ~ 1 + (1 | Rail)", "Rail", about = "balanced one-way layout (closed form exists)"),
  one("ergo_stool", "nlme_ergoStool.csv", "effort ~ Type + (1 | Subject)", c("Subject", "Type"), about = "balanced randomised blocks"),
  one("machines", "nlme_Machines.csv", "score ~ Machine + (1 | Worker) + (1 | Worker:Machine)", c("Worker", "Machine"), about = "factor and its interaction with the fixed factor"),
  one("machines_slash", "nlme_Machines.csv", "score ~ Machine + (1 | Worker/Machine)", c("Worker", "Machine"), about = "the same written with a slash"),
  one("machines_interaction_only", "nlme_Machines.csv", "score ~ Machine + (1 | Worker:Machine)", c("Worker", "Machine"), about = "an interaction as the only group"),
  one("machines_factor_slopes", "nlme_Machines.csv", "score ~ Machine + (0 + Machine | Worker)", c("Worker", "Machine"), about = "three correlated random effects of a factor, cell means"),
  one("machines_factor_treatment", "nlme_Machines.csv", "score ~ Machine + (Machine | Worker)", c("Worker", "Machine"), about = "the same, treatment contrasts"),
  one("machines_double_bar_factor", "nlme_Machines.csv", "score ~ Machine + (Machine || Worker)", c("Worker", "Machine"), about = "double bar over a factor: lme4 splits the intercept only, so the covariance is not unique", unidentified = TRUE, kr = FALSE),
  one("machines_no_intercept", "nlme_Machines.csv", "score ~ 0 + Machine + (1 | Worker)", c("Worker", "Machine"), about = "fixed part without intercept"),
  one("machines_sum_contrasts", "nlme_Machines.csv", "score ~ C(Machine, contr.sum) + (1 | Worker)", c("Worker", "Machine"), about = "sum contrasts (term names differ, order does not)"),
  one("oats_nested", "nlme_Oats.csv", "yield ~ nitro * Variety + (1 | Block/Variety)", c("Block", "Variety"), about = "split plot, nested", formula_r = "yield ~ nitro * Variety + (1 | Block/Variety)"),
  one("sleepstudy_three_slopes", "lme4_sleepstudy.csv", "Reaction ~ Days + I(Days**2) + (1 + Days + I(Days**2) | Subject)", "Subject", about = "three correlated random effects"),
  one("chick_three_slopes", "datasets_ChickWeight.csv", "weight ~ Diet * Time + (1 + Time + I(Time**2) | Chick)", c("Diet", "Chick"), about = "unbalanced growth, three correlated random effects, singular or nearly"),
  one("sleepstudy_double_bar", "lme4_sleepstudy.csv", "Reaction ~ Days + (1 + Days || Subject)", "Subject", about = "double bar"),
  one("sleepstudy_slope_only", "lme4_sleepstudy.csv", "Reaction ~ Days + (0 + Days | Subject)", "Subject", about = "slope without intercept"),
  one("sleepstudy_log", "lme4_sleepstudy.csv", "np.log(Reaction) ~ Days + (1 | Subject)", "Subject", formula_r = "log(Reaction) ~ Days + (1 | Subject)", about = "transformed response"),
  one("sleepstudy_poly", "lme4_sleepstudy.csv", "Reaction ~ poly(Days, 2) + (1 | Subject)", "Subject", about = "orthonormal polynomials"),
  one("sleepstudy_bs", "lme4_sleepstudy.csv", "Reaction ~ bs(Days, df=5) + (1 | Subject)", "Subject", formula_r = "Reaction ~ splines::bs(Days, df=5) + (1 | Subject)", about = "B-spline, two inner knots at the terciles"),
  one("clinic_one", "clinic.csv", headline, clinic, about = "headline model"),
  one("clinic_two", "clinic.csv", paste(headline, "+ (1 | therapist_id)"), clinic, about = "headline model with crossed therapists"),
  one("clinic_double_bar", "clinic.csv", "improvement ~ condition * session_count + (1 + session_count || episode_id) + (1 | therapist_id)", clinic, about = "double bar beside a crossed factor"),
  one("clinic_three_slopes", "clinic.csv", "improvement ~ condition * session_count + pressure + (1 + session_count + pressure | episode_id)", clinic, about = "two slopes"),
  one("clinic_patient_episode", "clinic.csv", "improvement ~ condition + session_count + (1 | patient_id/episode_id)", clinic, about = "episodes nested in patients, some with one episode"),
  one("clinic_three_levels", "clinic.csv", "improvement ~ arm * session_count + baseline + (1 | clinic_id/patient_id) + (1 | therapist_id)", clinic, about = "nested and crossed together"),
  one("clinic_group_interaction", "clinic.csv", "improvement ~ arm * session_count + (1 | episode_id) + (1 | therapist_id:condition)", clinic, about = "interaction of two factors as a group"),
  one("clinic_therapist_slope", "clinic.csv", "improvement ~ session_count + pressure + (1 | episode_id) + (1 + pressure | therapist_id)", clinic, about = "a slope for a crossed factor of 6 levels"),
  one("clinic_weights", "clinic.csv", "improvement ~ condition * session_count + (1 + session_count | episode_id)", clinic, weights = "weight", about = "prior weights"),
  one("clinic_weights_crossed", "clinic.csv", "improvement ~ condition * session_count + (1 | episode_id) + (1 | therapist_id)", clinic, weights = "weight", about = "prior weights, crossed"),
  one("clinic_offset", "clinic.csv", "improvement ~ arm * session_count + offset(expected) + (1 | episode_id)", clinic, about = "offset"),
  one("clinic_year", "clinic.csv", "improvement ~ year + session_count + (1 + session_count | episode_id)", clinic, about = "a covariate about 2020 with a spread of one"),
  one("clinic_year_centred", "clinic.csv", "improvement ~ I(year - 2022) + session_count + (1 + session_count | episode_id)", clinic, about = "the same less 2022: its slopes and their df are the same by algebra; lmerTest's df of clinic_year are 5e-3 off, by numerical differences"),
  one("clinic_gaps", "clinic_gaps.csv", headline, clinic, about = "missing response, covariate and baseline: rows left out"),
  one("clinic_empty", "clinic_empty.csv", "improvement ~ condition * arm + session_count + (1 | episode_id)", clinic, about = "an empty cell: one column dropped"),
  one("clinic_aliased", "clinic.csv", "improvement ~ session_count + day + I(2 * day + session_count) + (1 | episode_id)", clinic, about = "a column that repeats others"),
  one("therapist_zero", "therapist_zero.csv", "improvement ~ session_count + (1 | episode_id) + (1 | therapist_id)", c("episode_id", "therapist_id"), about = "singular: therapist variance 0"),
  one("slope_zero", "slope_zero.csv", "improvement ~ session_count + (1 + session_count | episode_id)", "episode_id", about = "singular: nearly no variance between slopes"),
  one("slope_zero_double_bar", "slope_zero.csv", "improvement ~ session_count + (1 + session_count || episode_id)", "episode_id", about = "singular: slope variance 0, uncorrelated"),
  one("correlated", "correlated.csv", "improvement ~ session_count + (1 + session_count | episode_id)", "episode_id", about = "correlation at or near 1"),
  one("nested_slopes", "nested.csv", "improvement ~ session_count + (1 + session_count | clinic_id/patient)", c("clinic_id", "patient"), about = "slopes at two nested levels, patient numbers repeat in every clinic"),
  one("nested_wrong_levels", "nested.csv", "improvement ~ session_count + (1 | clinic_id) + (1 | clinic_id:patient)", c("clinic_id", "patient"), about = "nested, written out"),
  one("hetero", "hetero.csv", "improvement ~ arm * session_count + dose + (1 | cluster)", c("cluster", "arm"), about = "base fit of the cluster-robust numbers")
)
store(entries, "models.json")
