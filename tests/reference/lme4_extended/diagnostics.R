# diagnostics.json: what leaving out one group does, with and without estimating the variances again; residuals and leverages.
source("common.R"); source("dense.R")
one <- function(name, file, formula, factors, group, weights = NULL) {
  d <- read(file, factors); m <- tight(as.formula(formula), d, TRUE, weights); X <- getME(m, "X"); y <- getME(m, "y"); V <- dense_pieces(m)$V; p <- ncol(X); b <- fixef(m); Phi <- as.matrix(vcov(m))
  g <- factor(d[[group]])
  out <- lapply(levels(g), function(k) {
    keep <- g != k; Vi <- solve(V[keep, keep]); C <- solve(crossprod(X[keep, ], Vi %*% X[keep, ])); held <- drop(C %*% crossprod(X[keep, ], Vi %*% y[keep]))
    again <- tight(as.formula(formula), droplevels(d[keep, ]), TRUE, weights)
    cook <- function(e) sum((b - e) * solve(Phi, b - e)) / p
    list(level = k, n_observations = sum(!keep), estimate_held = held, cooks_held = cook(held), covratio_held = det(C) / det(Phi),
         estimate_refit = fixef(again), cooks_refit = cook(fixef(again)), variances_refit = as.data.frame(VarCorr(again))$vcov)
  })
  packaged <- suppressMessages(influence(m, groups = group, data = { dd <- d; dd$.w <- if (is.null(weights)) 1 else d[[weights]]; dd }))   # lme4's own, at its own tolerances
  worst <- max(abs(t(sapply(out, `[[`, "estimate_refit"))[, ] - packaged[[paste0("fixed.effects[-", group, "]")]][sapply(out, `[[`, "level"), ]) %*% diag(1 / sqrt(diag(Phi))))
  cat(sprintf("%-16s deletion by %s: largest difference from lme4's influence, in standard errors: %.1e\n", name, group, worst))
  marginal <- y - drop(X %*% b); inside <- residuals(m); h <- hatvalues(m); rows <- round(seq(1, nobs(m), length.out = 12)); L <- t(chol(V))
  list(name = name, data = file, formula = formula, factors = I(factors), group = group, weights = if (is.null(weights)) "" else weights, terms = names(b), groups = out, rows = rows,
    residual = as.numeric(inside)[rows], residual_pearson = as.numeric(residuals(m, type = "pearson", scaled = TRUE))[rows], marginal_residual = marginal[rows], leverage = as.numeric(h)[rows],
    residual_standardised = as.numeric(residuals(m, type = "pearson", scaled = TRUE) / sqrt(1 - h))[rows],
    whitened_residual = as.numeric(forwardsolve(L, marginal))[rows], sum_of_whitened_squares = sum(forwardsolve(L, marginal)^2))
}
clinic <- c("episode_id", "patient_id", "clinic_id", "condition", "arm", "therapist_id")
store(list(
  one("sleepstudy", "lme4_sleepstudy.csv", "Reaction ~ Days + (1 + Days | Subject)", "Subject", "Subject"),
  one("clinic_episode", "clinic.csv", "improvement ~ condition * session_count + (1 + session_count | episode_id)", clinic, "episode_id"),
  one("clinic_therapist", "clinic.csv", "improvement ~ arm * session_count + pressure + (1 | episode_id) + (1 | therapist_id)", clinic, "therapist_id"),
  one("clinic_crossed_episode", "clinic.csv", "improvement ~ arm * session_count + pressure + (1 | episode_id) + (1 | therapist_id)", clinic, "episode_id"),
  one("clinic_weights", "clinic.csv", "improvement ~ session_count + pressure + (1 | episode_id)", clinic, "episode_id", "weight"),
  one("machines", "nlme_Machines.csv", "score ~ Machine + (1 | Worker) + (1 | Worker:Machine)", c("Worker", "Machine"), "Worker")), "diagnostics.json")
