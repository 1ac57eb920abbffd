# The same quantities by plain dense matrix algebra, from the formulas: a second path where the packages are silent or wrong.

# V = sum_r parameter_r * G_r: one G for every variance and covariance of every term, and the residual diag(1 / weight) last.
dense_pieces <- function(m) {
  flist <- getME(m, "flist"); assign <- attr(flist, "assign"); Zt <- as.matrix(getME(m, "Zt")); Gp <- getME(m, "Gp"); cnms <- getME(m, "cnms")
  G <- list(); parameter <- c()
  for (t in seq_along(cnms)) {
    q <- length(cnms[[t]]); levels <- (Gp[t + 1] - Gp[t]) / q
    vc <- VarCorr(m)[[t]]
    rows <- function(k) Gp[t] + seq(k, by = q, length.out = levels)
    for (i in 1:q) for (j in 1:i) {
      Zi <- t(Zt[rows(i), , drop = FALSE]); Zj <- t(Zt[rows(j), , drop = FALSE])
      G <- c(G, list(if (i == j) tcrossprod(Zi) else tcrossprod(Zi, Zj) + tcrossprod(Zj, Zi))); parameter <- c(parameter, vc[i, j])
    }
  }
  w <- weights(m); G <- c(G, list(diag(1 / w))); parameter <- c(parameter, sigma(m)^2)
  V <- Reduce(`+`, Map(`*`, G, parameter))
  list(X = getME(m, "X"), G = G, V = V, parameter = parameter)
}

# Kenward & Roger (1997), Biometrics 53, 983: adjusted covariance, scale and df of an F test; V is linear in its parameters.
dense_kr <- function(m, L = NULL) {
  p <- dense_pieces(m); X <- p$X; Vi <- solve(p$V); XtVi <- crossprod(X, Vi); Phi <- solve(XtVi %*% X); k <- length(p$G)
  ViG <- lapply(p$G, function(G) Vi %*% G)
  P <- lapply(ViG, function(A) -(t(X) %*% A %*% Vi %*% X))
  Q <- function(r, s) t(X) %*% ViG[[r]] %*% ViG[[s]] %*% Vi %*% X
  tr <- function(A, B) sum(A * t(B))
  info <- matrix(0, k, k)
  for (r in 1:k) for (s in 1:k) info[r, s] <- .5 * (tr(ViG[[r]], ViG[[s]]) - 2 * tr(Phi, Q(r, s)) + tr(Phi %*% P[[r]], Phi %*% P[[s]]))
  W <- solve(info)
  middle <- Reduce(`+`, lapply(1:k, function(r) Reduce(`+`, lapply(1:k, function(s) W[r, s] * (Q(r, s) - P[[r]] %*% Phi %*% P[[s]])))))
  PhiA <- Phi + 2 * Phi %*% ((middle + t(middle)) / 2) %*% Phi
  test <- function(L) {
    L <- matrix(L, ncol = ncol(X)); l <- qr(L)$rank
    Theta <- t(L) %*% solve(L %*% Phi %*% t(L), L)
    A1 <- A2 <- 0
    for (r in 1:k) for (s in 1:k) { Ur <- Theta %*% Phi %*% P[[r]] %*% Phi; Us <- Theta %*% Phi %*% P[[s]] %*% Phi
      A1 <- A1 + W[r, s] * sum(diag(Ur)) * sum(diag(Us)); A2 <- A2 + W[r, s] * tr(Ur, Us) }
    B <- (A1 + 6 * A2) / (2 * l); g <- ((l + 1) * A1 - (l + 4) * A2) / ((l + 2) * A2)
    c1 <- g / (3 * l + 2 * (1 - g)); c2 <- (l - g) / (3 * l + 2 * (1 - g)); c3 <- (l + 2 - g) / (3 * l + 2 * (1 - g))
    V0 <- 1 + c1 * B; V1 <- 1 - c2 * B; V2 <- 1 - c3 * B
    E <- 1 / (1 - A2 / l); rho <- 1 / l * (if (abs(1 - A2 / l) < 1e-12 && abs(V1) < 1e-12) 1 else (1 - A2 / l) / V1)^2 * V0 / V2
    df <- 4 + (l + 2) / (l * rho - 1); scaling <- if (abs(df - 2) < 1e-2) 1 else df * (1 - A2 / l) / (df - 2)
    b <- fixef(m); F <- drop(t(L %*% b) %*% solve(L %*% PhiA %*% t(L), L %*% b)) / l
    list(statistic = scaling * F, df_num = l, df_den = df, scaling = scaling, p_value = pf(scaling * F, l, df, lower.tail = FALSE))
  }
  single <- apply(diag(ncol(X)), 1, function(e) test(e)$df_den)
  list(std_error = sqrt(diag(PhiA)), df = single, vcov = PhiA, joint = if (is.null(L)) NULL else test(L))
}

# Henderson's equations with the variances held: covariance of (beta - its estimate, b - its prediction).
dense_henderson <- function(m) {
  X <- getME(m, "X"); Z <- as.matrix(getME(m, "Z")); Lambda <- as.matrix(getME(m, "Lambda")); s2 <- sigma(m)^2; w <- weights(m)
  # b = Lambda u keeps the equations regular when a variance is 0
  A <- cbind(X, Z %*% Lambda); C <- crossprod(A * sqrt(w)); u <- ncol(X) + seq_len(ncol(Z)); diag(C)[u] <- diag(C)[u] + 1
  T <- rbind(cbind(diag(ncol(X)), matrix(0, ncol(X), ncol(Z))), cbind(matrix(0, ncol(Z), ncol(X)), Lambda))
  s2 * T %*% solve(C) %*% t(T)
}

# CR2 with the fitted V as working model and weight (Pustejovsky & Tipton 2018, J. Bus. Econ. Stat. 36, 672), its Satterthwaite df, and CR0.
dense_cr2 <- function(m, cluster, V = dense_pieces(m)$V) {
  X <- getME(m, "X"); r <- getME(m, "y") - drop(X %*% fixef(m)); Vi <- solve(V); M <- solve(t(X) %*% Vi %*% X); cluster <- factor(cluster); I_H <- diag(nrow(X)) - X %*% M %*% t(X) %*% Vi
  G <- lapply(levels(cluster), function(k) {
    i <- which(cluster == k); D <- chol(V[i, i, drop = FALSE]); Xi <- X[i, , drop = FALSE]
    B <- D %*% (V[i, i] - Xi %*% M %*% t(Xi)) %*% t(D); e <- eigen((B + t(B)) / 2, symmetric = TRUE); keep <- e$values > max(e$values) * 1e-12
    A <- t(D) %*% e$vectors[, keep, drop = FALSE] %*% (t(e$vectors[, keep, drop = FALSE]) / sqrt(e$values[keep])) %*% D
    list(score0 = M %*% t(Xi) %*% Vi[i, i] %*% r[i], score = M %*% t(Xi) %*% Vi[i, i] %*% A %*% r[i], P = t(I_H[i, , drop = FALSE]) %*% t(A) %*% Vi[i, i] %*% Xi %*% M)
  })
  meat <- function(s) Reduce(`+`, lapply(G, function(g) tcrossprod(g[[s]])))
  df <- sapply(seq_len(ncol(X)), function(c) { P <- sapply(G, function(g) g$P[, c]); Q <- t(P) %*% V %*% P; sum(diag(Q))^2 / sum(Q^2) })
  list(vcov_cr0 = meat("score0"), vcov_cr2 = meat("score"), df = df)
}
