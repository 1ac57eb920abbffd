# prediction.json: fitted values and standard errors for known and new levels, by lme4's predict and Henderson's equations.
source("common.R"); source("dense.R")
# One row of Z for new data from mkNewReTrms-free parts: term by term, the model matrix of the bar in the columns of its level.
new_z <- function(m, new) {
  bars <- lme4::findbars(formula(m)); flist <- getME(m, "flist"); Gp <- getME(m, "Gp"); cnms <- getME(m, "cnms"); Z <- matrix(0, nrow(new), ncol(getME(m, "Z"))); unknown <- matrix(FALSE, nrow(new), length(cnms))
  rows <- vector("list", length(cnms)); names(rows) <- names(cnms)
  for (t in seq_along(cnms)) {
    factor_name <- names(flist)[attr(flist, "assign")[t]]; q <- length(cnms[[t]])
    level <- apply(new[strsplit(factor_name, ":")[[1]]], 1, function(x) paste(trimws(x), collapse = ":"))
    B <- sapply(cnms[[t]], function(k) if (k == "(Intercept)") rep(1, nrow(new)) else new[[k]]); B <- matrix(B, nrow(new), q); rows[[t]] <- B
    at <- match(level, levels(flist[[factor_name]])); unknown[, t] <- is.na(at)
    for (i in which(!is.na(at))) Z[i, Gp[t] + (at[i] - 1) * q + 1:q] <- B[i, ]
  }
  list(Z = Z, unknown = unknown, rows = rows)
}
predict_case <- function(name, file, formula, factors, new) {
  d <- read(file, factors); m <- tight(as.formula(formula), d)
  fixed <- lme4::nobars(as.formula(formula)); X <- model.matrix(delete.response(terms(fixed)), transform_levels(new, d), contrasts.arg = NULL)
  H <- dense_henderson(m); p <- ncol(X); z <- new_z(m, new); s2 <- sigma(m)^2
  A <- cbind(X, z$Z); conditional <- rowSums((A %*% H) * A)
  extra <- rep(0, nrow(new)); whole <- rep(0, nrow(new))
  for (t in seq_along(z$rows)) { S <- as.matrix(VarCorr(m)[[t]]); v <- rowSums((z$rows[[t]] %*% S) * z$rows[[t]]); extra <- extra + v * z$unknown[, t]; whole <- whole + v }
  fixed_var <- rowSums((X %*% as.matrix(vcov(m))) * X)
  stopifnot(max(abs(fixed_var - rowSums((X %*% H[1:p, 1:p]) * X))) < 1e-8)
  list(name = name, data = file, formula = formula, factors = I(factors), sigma = sigma(m), new = new,
    fixed = as.numeric(predict(m, new, re.form = NA)), fixed_std_error = sqrt(fixed_var),
    random = as.numeric(predict(m, new, allow.new.levels = TRUE)),            # a level not seen counts 0
    random_std_error = sqrt(conditional + extra),                             # of beta-hat and b-hat against beta and b; a new level adds its variance
    random_pred_sd = sqrt(conditional + extra + s2),                          # of a new score of that level
    fixed_pred_sd = sqrt(fixed_var + whole + s2),                             # of a new score of a new level of everything
    random_effects = lapply(setNames(seq_along(z$rows), paste0(names(getME(m, "cnms")), ".", seq_along(z$rows))), function(t) {
      Gp <- getME(m, "Gp"); at <- Gp[t] + seq_len(min(8, Gp[t + 1] - Gp[t])); L <- as.matrix(getME(m, "Lambda")); Zt <- as.matrix(getME(m, "Zt"))
      given_beta <- s2 * L %*% solve(t(L) %*% Zt %*% diag(weights(m)) %*% t(Zt) %*% L + diag(ncol(L))) %*% t(L)
      list(values = as.numeric(getME(m, "b"))[at], std_error_given_fixed = sqrt(diag(given_beta)[at]), std_error = sqrt(diag(H)[p + at])) }))
}
# factors of the new frame get the levels of the data (a level not seen among them, for grouping only, stays out of X)
transform_levels <- function(new, d) { for (k in names(new)) if (is.factor(d[[k]]) && all(as.character(new[[k]]) %in% levels(d[[k]]))) new[[k]] <- factor(new[[k]], levels(d[[k]])); new }
clinic <- c("episode_id", "patient_id", "clinic_id", "condition", "arm", "therapist_id")
rows <- data.frame(condition = c("headache", "low_back", "neck", "headache", "low_back", "neck"), session_count = c(1, 4, 9, 2, 6, 15), pressure = c(2, 3, 4, 1, 3, 2), baseline = c(5, 6.5, 4, 8, 7, 6),
  episode_id = c("E01", "E02", "E13", "E48", "X1", "X2"), therapist_id = c("T1", "T2", "T3", "T9", "T1", "T9"), weight = 1)
store(list(
  predict_case("clinic_two", "clinic.csv", "improvement ~ condition * session_count + pressure + baseline + (1 + session_count | episode_id) + (1 | therapist_id)", clinic, rows),
  predict_case("clinic_one", "clinic.csv", "improvement ~ condition * session_count + pressure + baseline + (1 + session_count | episode_id)", clinic, rows[c(1:3, 5)  , ]),
  predict_case("clinic_double_bar", "clinic.csv", "improvement ~ condition * session_count + (1 + session_count || episode_id)", clinic, rows[1:5, ]),
  predict_case("sleepstudy", "lme4_sleepstudy.csv", "Reaction ~ Days + (1 + Days | Subject)", "Subject", data.frame(Days = c(0, 5, 12, 5), Subject = c("308", "372", "308", "999"))),
  predict_case("nested", "nested.csv", "improvement ~ session_count + (1 + session_count | clinic_id) + (1 | clinic_id:patient)", c("clinic_id", "patient"),
    data.frame(session_count = c(2, 5, 5, 3), clinic_id = c("C01", "C02", "C02", "C99"), patient = c("1", "2", "9", "1"))),
  predict_case("therapist_zero", "therapist_zero.csv", "improvement ~ session_count + (1 | episode_id) + (1 | therapist_id)", c("episode_id", "therapist_id"),
    data.frame(session_count = c(1, 6, 3), episode_id = c("E001", "E040", "E999"), therapist_id = c("T1", "T8", "T9")))), "prediction.json")
