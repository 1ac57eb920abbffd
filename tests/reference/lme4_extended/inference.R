# anova.json, margins.json, tests.json: type II and III, margins, contrasts and trends, multi-row F tests, likelihood-ratio tests.
source("common.R"); source("dense.R")
clinic <- c("episode_id", "patient_id", "clinic_id", "condition", "arm", "therapist_id")
cases <- list(
  clinic_two = list("clinic.csv", "improvement ~ condition * session_count + pressure + baseline + (1 + session_count | episode_id) + (1 | therapist_id)", clinic),
  clinic_factors = list("clinic.csv", "improvement ~ condition * arm + session_count + baseline + (1 | episode_id)", clinic),
  clinic_three_way = list("clinic.csv", "improvement ~ condition * arm * session_count + (1 + session_count | episode_id)", clinic),
  clinic_empty = list("clinic_empty.csv", "improvement ~ condition * arm + session_count + (1 | episode_id)", clinic),
  clinic_weights = list("clinic.csv", "improvement ~ condition * session_count + (1 + session_count | episode_id)", clinic, "weight"),
  machines = list("nlme_Machines.csv", "score ~ Machine + (1 | Worker) + (1 | Worker:Machine)", c("Worker", "Machine")),
  machines_factor_slopes = list("nlme_Machines.csv", "score ~ Machine + (0 + Machine | Worker)", c("Worker", "Machine")),
  oats = list("nlme_Oats.csv", "yield ~ nitro * Variety + (1 | Block/Variety)", c("Block", "Variety")),
  cake = list("lme4_cake.csv", "angle ~ recipe * temp + (1 | replicate) + (1 | replicate:recipe)", c("replicate", "recipe")),
  orthodont = list("nlme_Orthodont.csv", "distance ~ age * Sex + (1 + age | Subject)", c("Subject", "Sex")),
  therapist_zero = list("therapist_zero.csv", "improvement ~ session_count + (1 | episode_id) + (1 | therapist_id)", c("episode_id", "therapist_id")))
model <- function(case, REML = TRUE) tight(as.formula(case[[2]]), read(case[[1]], case[[3]]), REML, if (length(case) > 3) case[[4]] else NULL)
head_of <- function(name) { case <- cases[[name]]; list(data = case[[1]], formula = case[[2]], factors = I(case[[3]]), weights = if (length(case) > 3) case[[4]] else "") }
ddfs <- c(satterthwaite = "Satterthwaite", kenward_roger = "Kenward-Roger")
ddfs_of <- function(name) if (grepl("weights", name)) ddfs["satterthwaite"] else ddfs       # pbkrtest 0.5.2 leaves the weights out

# Type I is lmerTest's too, kept for whoever needs it.
anovas <- lapply(names(cases), function(name) {
  m <- model(cases[[name]])
  tables <- list()
  for (type in c("1", "2", "3")) for (k in names(ddfs_of(name)))
    tables[[paste0("type", type, "_", k)]] <- tidy_names(table_of(suppressMessages(anova(m, type = as.integer(type), ddf = ddfs[[k]]))))
  # car's type II holds every other term that does not contain this one, covariates included; lmerTest's follows SAS (see README)
  if (!grepl("empty|weights", name)) { a <- as.data.frame(car::Anova(m, type = 2, test.statistic = "F")); tables$car_type2_kenward_roger <- data.frame(term = rownames(a), df_num = a$Df, df_den = a$Df.res, statistic = a$F, p_value = a[["Pr(>F)"]]) }
  c(list(name = name), head_of(name), tables)
})
store(anovas, "anova.json", "car")

# Margins: what R code gave each row stands in `r`.
margin <- function(name, calls) {
  m <- model(cases[[name]]); d <- m@frame
  c(list(name = name), head_of(name), list(margins = unlist(lapply(calls, function(call) lapply(names(ddfs_of(name)), function(k) {
    options <- list(lmer.df = tolower(ddfs[[k]]))
    g <- suppressWarnings(suppressMessages(eval(str2lang(call))))
    frame <- as.data.frame(suppressWarnings(summary(g, infer = c(TRUE, TRUE))))
    list(r = call, df_method = k, rows = tidy_names(frame))
  })), recursive = FALSE)))
}
E_ <- function(rest) sprintf("emmeans(m, %s, lmer.df = options$lmer.df)", rest)
pairs_ <- function(rest, adjust) sprintf("pairs(%s, adjust = '%s')", E_(rest), adjust)
trend <- function(rest) sprintf("emtrends(m, %s, lmer.df = options$lmer.df)", rest)
margins <- list(
  margin("clinic_two", c(E_("~ condition"), E_("~ condition, at = list(session_count = c(6))"), E_("~ condition | session_count, at = list(session_count = c(0, 5, 10))"),
    E_("~ condition, weights = 'proportional'"), E_("~ condition, weights = 'cells'"),
    pairs_("~ condition", "none"), pairs_("~ condition", "holm"), pairs_("~ condition", "tukey"), pairs_("~ condition", "bonferroni"),
    pairs_("~ condition, at = list(session_count = 6)", "holm"),
    trend("~ condition, var = 'session_count'"), sprintf("pairs(%s, adjust = 'holm')", trend("~ condition, var = 'session_count'")), trend("~ 1, var = 'pressure'"),
    sprintf("contrast(%s, list(low_back_vs_rest = c(-.5, 1, -.5), neck_minus_headache = c(-1, 0, 1)), adjust = 'none')", E_("~ condition, at = list(session_count = 6)")),
    sprintf("contrast(%s, list(low_back_vs_rest = c(-.5, 1, -.5), neck_minus_headache = c(-1, 0, 1)), adjust = 'holm')", E_("~ condition, at = list(session_count = 6)")),
    sprintf("contrast(%s, 'trt.vs.ctrl', adjust = 'none')", E_("~ condition")), sprintf("contrast(%s, 'eff', adjust = 'none')", E_("~ condition")))),
  margin("clinic_factors", c(E_("~ condition"), E_("~ condition, weights = 'proportional'"), E_("~ condition, weights = 'cells'"), E_("~ arm"), E_("~ arm, weights = 'proportional'"),
    E_("~ arm, weights = 'cells'"), E_("~ condition * arm"), pairs_("~ arm", "none"), pairs_("~ arm, weights = 'proportional'", "none"),
    pairs_("~ arm | condition", "none"), pairs_("~ condition * arm", "tukey"), pairs_("~ condition * arm", "holm"))),
  margin("clinic_three_way", c(E_("~ condition * arm, at = list(session_count = 8)"), trend("~ condition, var = 'session_count'"), trend("~ condition * arm, var = 'session_count'"), trend("~ arm, var = 'session_count'"))),
  margin("clinic_empty", c(E_("~ condition * arm"), E_("~ condition"), E_("~ arm"), pairs_("~ condition * arm", "none"))),
  margin("clinic_weights", c(E_("~ condition"), pairs_("~ condition", "tukey"))),
  margin("machines", c(E_("~ Machine"), pairs_("~ Machine", "tukey"), pairs_("~ Machine", "holm"))),
  margin("machines_factor_slopes", c(E_("~ Machine"), pairs_("~ Machine", "tukey"))),
  margin("oats", c(E_("~ Variety"), pairs_("~ Variety", "tukey"), trend("~ Variety, var = 'nitro'"), E_("~ Variety, at = list(nitro = c(0, .6))"))),
  margin("cake", c(E_("~ recipe"), pairs_("~ recipe", "tukey"), trend("~ recipe, var = 'temp'"))),
  margin("orthodont", c(E_("~ Sex"), pairs_("~ Sex", "none"), trend("~ Sex, var = 'age'"), sprintf("pairs(%s)", trend("~ Sex, var = 'age'")), E_("~ Sex, at = list(age = c(8, 14))"))))
store(margins, "margins.json")

# Multi-row F tests on chosen matrices, single rows, and likelihood-ratio tests.
multi <- function(name, L) {
  m <- model(cases[[name]]); L <- do.call(rbind, L)
  stopifnot(ncol(L) == length(fixef(m)))
  row <- function(d) tidy_names(as.data.frame(d))
  out <- c(list(name = name), head_of(name), list(terms = names(fixef(m)), L = L))
  for (k in names(ddfs_of(name))) {
    out[[paste0("joint_", k)]] <- row(contestMD(m, L, ddf = ddfs[[k]]))
    out[[paste0("single_", k)]] <- { s <- contest(m, L, joint = FALSE, ddf = ddfs[[k]]); names(s) <- c("estimate", "std_error", "df", "statistic", "conf_low", "conf_high", "p_value"); s }
  }
  out$dense_kenward_roger <- dense_kr(m, L)$joint
  if (!grepl("weights", name)) { k <- KRmodcomp(m, L)$stats; out$krmodcomp <- list(F_scaled = k$Fstat, F_unscaled = k$FstatU, df_num = k$ndf, df_den = k$ddf, scaling = k$F.scaling, p_value = k$p.value) }
  out
}
e <- function(n, ...) { v <- rep(0, n); i <- list(...); for (k in seq(1, length(i), 2)) v[i[[k]]] <- i[[k + 1]]; v }
tests <- list(
  multi("clinic_two", list(e(8, 7, 1), e(8, 8, 1))),                       # terms: 1, low_back, neck, session, pressure, baseline, low_back:session, neck:session
  multi("clinic_two", list(e(8, 2, 1, 7, 6), e(8, 3, 1, 8, 6))),
  multi("clinic_two", list(e(8, 2, 1), e(8, 3, 1), e(8, 4, 1), e(8, 5, 1))),
  multi("clinic_factors", list(e(8, 7, 1), e(8, 8, 1))),
  multi("clinic_weights", list(e(6, 5, 1), e(6, 6, 1))),
  multi("machines", list(e(3, 2, 1), e(3, 3, 1))), multi("machines_factor_slopes", list(e(3, 2, 1), e(3, 3, 1))),
  multi("oats", list(e(6, 3, 1), e(6, 4, 1))), multi("oats", list(e(6, 3, 1, 5, .3), e(6, 4, 1, 6, .3), e(6, 2, 1))),
  multi("cake", list(e(6, 5, 1), e(6, 6, 1))), multi("orthodont", list(e(4, 2, 1), e(4, 3, 1), e(4, 4, 1))),
  multi("therapist_zero", list(e(2, 1, 1), e(2, 2, 1))))
lr <- function(name, data, factors, small, large, REML, null = c("fixed", "variance"), about) {
  d <- read(data, factors); a <- tight(as.formula(small), d, REML); b <- tight(as.formula(large), d, REML)
  chisq <- max(0, 2 * (as.numeric(logLik(b)) - as.numeric(logLik(a)))); df <- attr(logLik(b), "df") - attr(logLik(a), "df")
  list(name = name, about = about, data = data, factors = I(factors), small = small, large = large, reml = REML, loglik_small = as.numeric(logLik(a)), loglik_large = as.numeric(logLik(b)),
       chisq = chisq, df = df, p_chisq = pchisq(chisq, df, lower.tail = FALSE),
       # a variance (and its covariances) on the boundary: half chi-squared with df - 1, half with df (Self & Liang 1987; Stram & Lee 1994)
       p_mixture = if (null == "variance") .5 * (if (df == 1) chisq <= 0 else pchisq(chisq, df - 1, lower.tail = FALSE)) + .5 * pchisq(chisq, df, lower.tail = FALSE) else "")
}
ratios <- list(
  lr("sleepstudy_slope_variance", "lme4_sleepstudy.csv", "Subject", "Reaction ~ Days + (1 | Subject)", "Reaction ~ Days + (1 + Days | Subject)", TRUE, "variance", "adds a slope: one variance and one covariance"),
  lr("sleepstudy_slope_variance_ml", "lme4_sleepstudy.csv", "Subject", "Reaction ~ Days + (1 | Subject)", "Reaction ~ Days + (1 + Days | Subject)", FALSE, "variance", "the same by ML"),
  lr("sleepstudy_uncorrelated", "lme4_sleepstudy.csv", "Subject", "Reaction ~ Days + (1 | Subject)", "Reaction ~ Days + (1 + Days || Subject)", TRUE, "variance", "adds one variance"),
  lr("therapist_zero", "therapist_zero.csv", c("episode_id", "therapist_id"), "improvement ~ session_count + (1 | episode_id)", "improvement ~ session_count + (1 | episode_id) + (1 | therapist_id)", TRUE, "variance", "a variance estimated as 0: statistic 0, p 1 by the chi-squared"),
  lr("clinic_therapist", "clinic.csv", clinic, "improvement ~ session_count + (1 | episode_id)", "improvement ~ session_count + (1 | episode_id) + (1 | therapist_id)", TRUE, "variance", "crossed variance"),
  lr("clinic_condition", "clinic.csv", clinic, "improvement ~ session_count + (1 | episode_id)", "improvement ~ condition * session_count + (1 | episode_id)", FALSE, "fixed", "fixed part, ML"),
  lr("machines_interaction", "nlme_Machines.csv", c("Worker", "Machine"), "score ~ Machine + (1 | Worker)", "score ~ Machine + (1 | Worker) + (1 | Worker:Machine)", TRUE, "variance", "adds an interaction variance"),
  lr("orthodont_sex", "nlme_Orthodont.csv", c("Subject", "Sex"), "distance ~ age + (1 + age | Subject)", "distance ~ age * Sex + (1 + age | Subject)", FALSE, "fixed", "fixed part, ML"))
store(list(multi_row = tests, likelihood_ratio = ratios), "tests.json")
