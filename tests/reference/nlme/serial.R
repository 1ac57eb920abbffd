# serial.json: nlme's lme and gls with serial correlation; and the same likelihood by dense algebra, polished, with the degrees of freedom nlme does not give.
suppressMessages({library(nlme); library(numDeriv); library(jsonlite)})
fev <- read.csv("csv/fev.csv", stringsAsFactors = TRUE); fev$SEX <- relevel(fev$SEX, "Male"); fev <- fev[!is.na(fev$FEV1), ]; fev$visit <- as.integer(fev$AVISIT); fev <- fev[order(fev$USUBJID, fev$visit), ]
serial <- read.csv("csv/serial.csv", stringsAsFactors = TRUE); serial$time <- serial$visit - 1
five <- droplevels(read.csv("csv/serial_five.csv", stringsAsFactors = TRUE)); five$time <- five$visit - 1

# Correlation of visits a and b, and the sd of a visit; parameters: log sd(s), then correlation(s), then log sd and correlation of the random part.
structures <- list(
  id   = function(p, v) exp(2 * p[1]) * diag(length(v)),
  ar1  = function(p, v) exp(2 * p[1]) * p[2]^abs(outer(v, v, "-")),
  ou   = function(p, v) exp(2 * p[1]) * exp(-abs(outer(v, v, "-")) * exp(p[2])),
  cs   = function(p, v) exp(2 * p[1]) * (p[2] + (1 - p[2]) * diag(length(v))),
  ar1h = function(p, v) { s <- exp(p[v]); k <- length(p); outer(s, s) * p[k]^abs(outer(v, v, "-")) },
  csh  = function(p, v) { s <- exp(p[v]); k <- length(p); outer(s, s) * (p[k] + (1 - p[k]) * diag(length(v))) },
  us   = function(p, v) { k <- (sqrt(8 * length(p) + 1) - 1) / 2; R <- diag(k); R[lower.tri(R)] <- p[-(1:k)]; R <- R + t(R) - diag(k); s <- exp(p[1:k]); (outer(s, s) * R)[v, v, drop = FALSE] })
random_parts <- list(
  none = function(p, Z) 0, intercept = function(p, Z) exp(2 * p[1]) * tcrossprod(Z))

dense <- function(X, y, id, time, Z, structure, random, start, REML, n_serial) {
  groups <- split(seq_along(y), id); n <- length(y); p <- ncol(X)
  V_of <- function(par, i) structures[[structure]](par[seq_len(n_serial)], time[i]) + random_parts[[random]](par[-seq_len(n_serial)], Z[i, , drop = FALSE])
  pieces <- function(par) {
    XX <- matrix(0, p, p); Xy <- numeric(p); yy <- 0; logdet <- 0
    for (i in groups) { R <- tryCatch(chol(V_of(par, i)), error = function(e) NULL); if (is.null(R)) return(NULL)
      W <- backsolve(R, cbind(X[i, , drop = FALSE], y[i]), transpose = TRUE); XX <- XX + crossprod(W[, 1:p, drop = FALSE]); Xy <- Xy + crossprod(W[, 1:p, drop = FALSE], W[, p + 1]); yy <- yy + sum(W[, p + 1]^2); logdet <- logdet + 2 * sum(log(diag(R))) }
    list(XX = XX, Xy = Xy, yy = yy, logdet = logdet) }
  minus2 <- function(par) { a <- pieces(par); if (is.null(a)) return(1e10); b <- solve(a$XX, a$Xy)
    v <- a$logdet + a$yy - sum(a$Xy * b) + (n - REML * p) * log(2 * pi) + REML * as.numeric(determinant(a$XX)$modulus); if (is.finite(v)) v else 1e10 }
  o <- nlminb(start, minus2, control = list(rel.tol = 1e-15, x.tol = 1e-13, eval.max = 4000, iter.max = 1500))
  H <- hessian(minus2, o$par); g <- grad(minus2, o$par); par <- if (rcond(H) < 1e-9) o$par else o$par - solve(H, g); if (minus2(par) > o$objective) par <- o$par   # a Newton step, kept when it helps; a parameter at its boundary has no df here (null)
  H <- hessian(minus2, par); W <- if (rcond(H) < 1e-9) matrix(NA, nrow(H), ncol(H)) else 2 * solve(H); a <- pieces(par); Phi <- solve(a$XX); b <- drop(Phi %*% a$Xy)
  J <- jacobian(function(q) c(solve(pieces(q)$XX)), par)
  df <- sapply(1:p, function(j) { e <- J[(j - 1) * p + j, ]; 2 * Phi[j, j]^2 / drop(t(e) %*% W %*% e) })
  out <- list(loglik = -minus2(par) / 2, gradient = max(abs(grad(minus2, par))), hessian_eigenvalue_min = min(eigen(H)$values), estimate = b, std_error = sqrt(diag(Phi)), vcov = Phi, df_satterthwaite = df)
  # Kenward-Roger without second derivatives of V (SAS: FIRSTORDER; mmrm: Kenward-Roger-Linear), expected information; it does not depend on the parametrisation
  if (REML) {
    k <- length(par); P <- rep(list(matrix(0, p, p)), k); Q <- rep(list(rep(list(matrix(0, p, p)), k)), k); info <- matrix(0, k, k)
    for (i in groups) { Vi <- solve(V_of(par, i)); D <- jacobian(function(q) c(V_of(q, i)), par); Xi <- X[i, , drop = FALSE]; m <- length(i); A <- lapply(1:k, function(r) Vi %*% matrix(D[, r], m))
      for (r in 1:k) { P[[r]] <- P[[r]] - t(Xi) %*% A[[r]] %*% Vi %*% Xi; for (s in 1:k) { Q[[r]][[s]] <- Q[[r]][[s]] + t(Xi) %*% A[[r]] %*% A[[s]] %*% Vi %*% Xi; info[r, s] <- info[r, s] + .5 * sum(A[[r]] * t(A[[s]])) } } }
    tr <- function(A, B) sum(A * t(B))
    for (r in 1:k) for (s in 1:k) info[r, s] <- info[r, s] - tr(Phi, Q[[r]][[s]]) + .5 * tr(Phi %*% P[[r]], Phi %*% P[[s]])
    WE <- tryCatch(solve(info), error = function(e) matrix(NA, k, k)); middle <- matrix(0, p, p); for (r in 1:k) for (s in 1:k) middle <- middle + WE[r, s] * (Q[[r]][[s]] - P[[r]] %*% Phi %*% P[[s]])
    PhiA <- Phi + Phi %*% (middle + t(middle)) %*% Phi; out$std_error_kr_linear <- sqrt(diag(PhiA))
    out$df_kr_linear <- sapply(1:p, function(j) { u <- sapply(1:k, function(r) (Phi %*% P[[r]] %*% Phi)[j, j] / Phi[j, j]); 2 / drop(t(u) %*% WE %*% u) })   # of one contrast
  }
  full <- groups[[which.max(lengths(groups))]]; out$subject <- as.character(id[full[1]]); out$time <- time[full]; out$covariance <- V_of(par, full); out$parameters <- par
  out
}
one <- function(name, formula, formula_r, d, data, id, time, structure, random, fit, start, about = "", Z = ~1) {
  X <- model.matrix(as.formula(formula_r), d); y <- model.response(model.frame(as.formula(formula_r), d)); n_serial <- length(start) - c(none = 0, intercept = 1)[[random]]
  out <- list(name = name, about = about, data = data, formula = formula, formula_r = formula_r, n_observations = nrow(d), structure = structure, random = random, terms = colnames(X))
  for (M in c("REML", "ML")) {
    own <- dense(X, y, d[[id]], d[[time]], model.matrix(Z, d), structure, random, start, M == "REML", n_serial)
    m <- tryCatch(fit(M), error = function(e) { cat("   nlme:", conditionMessage(e), "\n"); NULL })
    if (!is.null(m)) { cs <- m$modelStruct$corStruct; vs <- m$modelStruct$varStruct
      b <- if (inherits(m, "lme")) fixef(m) else coef(m)
      own$nlme <- list(loglik = as.numeric(logLik(m)), estimate = as.numeric(b), std_error = sqrt(diag(as.matrix(m$varFix %||% m$varBeta))), sigma = m$sigma, correlation = if (is.null(cs)) "" else as.numeric(coef(cs, unconstrained = FALSE)),
        weights = if (is.null(vs)) "" else as.numeric(coef(vs, unconstrained = FALSE, allCoef = TRUE)), random_sd = if (inherits(m, "lme")) as.numeric(sqrt(diag(as.matrix(getVarCov(m))))) else "") }
    cat(sprintf("%-26s %-4s loglik %.8f  nlme lower by %.1e  gradient %.0e\n", name, M, own$loglik, own$loglik - (own$nlme$loglik %||% NA), own$gradient))
    out[[tolower(M)]] <- own
  }
  out
}
`%||%` <- function(a, b) if (is.null(a)) b else a
f <- FEV1 ~ RACE + SEX + ARMCD * AVISIT; ff <- "FEV1 ~ RACE + SEX + ARMCD * AVISIT"; g <- improvement ~ arm * time + baseline; gg <- "improvement ~ arm * time + baseline"
tight_gls <- glsControl(tolerance = 1e-12, msTol = 1e-12, maxIter = 500, msMaxIter = 500, opt = "nlminb"); tight_lme <- lmeControl(tolerance = 1e-12, msTol = 1e-12, maxIter = 500, msMaxIter = 500, msMaxEval = 5000, niterEM = 100)
G <- function(formula, d, cor, w = NULL) function(M) gls(formula, d, correlation = cor, weights = w, method = M, control = tight_gls)
L <- function(formula, d, random, cor) function(M) lme(formula, d, random = random, correlation = cor, method = M, control = tight_lme)
us4 <- c(rep(log(7), 4), rep(.3, 6))
fits <- list(
  one("fev_us", paste(ff, "+ us(AVISIT | USUBJID)"), ff, fev, "fev.csv", "USUBJID", "visit", "us", "none", G(f, fev, corSymm(form = ~ visit | USUBJID), varIdent(form = ~ 1 | visit)), us4, "unstructured over four visits"),
  one("fev_ar1", paste(ff, "+ ar1(AVISIT | USUBJID)"), ff, fev, "fev.csv", "USUBJID", "visit", "ar1", "none", G(f, fev, corAR1(form = ~ visit | USUBJID)), c(log(7), .3)),
  one("fev_ar1h", paste(ff, "+ ar1h(AVISIT | USUBJID)"), ff, fev, "fev.csv", "USUBJID", "visit", "ar1h", "none", G(f, fev, corAR1(form = ~ visit | USUBJID), varIdent(form = ~ 1 | visit)), c(rep(log(7), 4), .3)),
  one("fev_cs", paste(ff, "+ cs(AVISIT | USUBJID)"), ff, fev, "fev.csv", "USUBJID", "visit", "cs", "none", G(f, fev, corCompSymm(form = ~ 1 | USUBJID)), c(log(7), .3)),
  one("fev_csh", paste(ff, "+ csh(AVISIT | USUBJID)"), ff, fev, "fev.csv", "USUBJID", "visit", "csh", "none", G(f, fev, corCompSymm(form = ~ 1 | USUBJID), varIdent(form = ~ 1 | visit)), c(rep(log(7), 4), .3)),
  one("fev_intercept_ar1", paste(ff, "+ ar1(AVISIT | USUBJID) + (1 | USUBJID)"), ff, fev, "fev.csv", "USUBJID", "visit", "ar1", "intercept", L(f, fev, ~ 1 | USUBJID, corAR1(form = ~ visit | USUBJID)), c(log(6), .2, log(2)), "random intercept beside AR(1); the optimum has a negative AR coefficient or sits near a boundary: compare log-likelihoods"),
  one("serial_five_us", paste(gg, "+ us(visit | episode_id)"), gg, five, "serial_five.csv", "episode_id", "visit", "us", "none", G(g, five, corSymm(form = ~ visit | episode_id), varIdent(form = ~ 1 | visit)), c(rep(log(1.2), 5), rep(.4, 10)), "unstructured over five visits, visits missing"),
  one("serial_ar1", paste(gg, "+ ar1(visit | episode_id)"), gg, serial, "serial.csv", "episode_id", "visit", "ar1", "none", G(g, serial, corAR1(form = ~ visit | episode_id)), c(log(1.2), .5)),
  one("serial_ar1h", paste(gg, "+ ar1h(visit | episode_id)"), gg, serial, "serial.csv", "episode_id", "visit", "ar1h", "none", G(g, serial, corAR1(form = ~ visit | episode_id), varIdent(form = ~ 1 | visit)), c(rep(log(1.2), 8), .5)),
  one("serial_cs", paste(gg, "+ cs(visit | episode_id)"), gg, serial, "serial.csv", "episode_id", "visit", "cs", "none", G(g, serial, corCompSymm(form = ~ 1 | episode_id)), c(log(1.2), .4)),
  one("serial_csh", paste(gg, "+ csh(visit | episode_id)"), gg, serial, "serial.csv", "episode_id", "visit", "csh", "none", G(g, serial, corCompSymm(form = ~ 1 | episode_id), varIdent(form = ~ 1 | visit)), c(rep(log(1.2), 8), .4)),
  one("serial_ou", paste(gg, "+ ou(day | episode_id)"), gg, serial, "serial.csv", "episode_id", "day", "ou", "none", G(g, serial, corCAR1(form = ~ day | episode_id)), c(log(1.2), log(.1)), "correlation phi^days, phi = exp(-exp(second parameter))"),
  one("serial_intercept_ar1", paste(gg, "+ ar1(visit | episode_id) + (1 | episode_id)"), gg, serial, "serial.csv", "episode_id", "visit", "ar1", "intercept", L(g, serial, ~ 1 | episode_id, corAR1(form = ~ visit | episode_id)), c(log(1), .3, log(.8))),
  one("serial_intercept_ou", paste(gg, "+ ou(day | episode_id) + (1 | episode_id)"), gg, serial, "serial.csv", "episode_id", "day", "ou", "intercept", L(g, serial, ~ 1 | episode_id, corCAR1(form = ~ day | episode_id)), c(log(1), log(.1), log(.8))),
  one("serial_intercept_only", paste(gg, "+ (1 | episode_id)"), gg, serial, "serial.csv", "episode_id", "visit", "id", "intercept", L(g, serial, ~ 1 | episode_id, NULL), c(log(1), log(.8)), "independent residuals, for comparison"))
writeLines(toJSON(list(versions = list(R = R.version.string, nlme = as.character(packageVersion("nlme")), numDeriv = as.character(packageVersion("numDeriv"))), entries = fits), digits = NA, auto_unbox = TRUE, dataframe = "rows", matrix = "rowmajor", na = "null", pretty = TRUE), "serial.json")
