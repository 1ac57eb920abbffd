# profiles.json: profile-likelihood limits (ML), by lme4 (which interpolates) and by a root search on the deviance itself. They agree to 3e-5 of a
# width, except where lme4 1.1-31 fails: dyestuff2 (sigma at a boundary fit: no limits; coefficient: 5e-4) and the coefficients of a weighted fit.
source("common.R")
crit <- function(level) qchisq(level, 1)

# Limits of coefficient j: the deviance of the fit with that coefficient held, found again at every step.
beta_limits <- function(m, level) {
  X <- getME(m, "X"); d <- m@frame; bars <- sapply(lme4::findbars(formula(m)), function(b) paste0("(", deparse1(b), ")")); d0 <- -2 * as.numeric(logLik(m)); d$.y <- getME(m, "y")
  d$.w <- weights(m)
  t(sapply(seq_len(ncol(X)), function(j) {
    rest <- X[, -j, drop = FALSE]; d$.rest <- rest
    held <- function(b) { d$.h <- d$.y - b * X[, j]
      f <- as.formula(paste(".h ~ 0", if (ncol(rest)) "+ .rest", "+", paste(bars, collapse = " + ")))
      -2 * as.numeric(logLik(tight(f, d, FALSE, if (all(d$.w == 1)) NULL else ".w"))) - d0 - crit(level) }
    b <- fixef(m)[j]; se <- sqrt(vcov(m)[j, j]); step <- se * sqrt(crit(level))
    c(uniroot(held, c(b - 1.8 * step, b - .6 * step), extendInt = "downX", tol = 1e-9 * se)$root, uniroot(held, c(b + .6 * step, b + 1.8 * step), extendInt = "upX", tol = 1e-9 * se)$root)
  }))
}
# The ML deviance in standard deviations, correlations and sigma, coefficients at their best: lme4's pieces at theta (Bates et al. 2015, eq. 32 before sigma is profiled).
deviance_of <- function(m) {
  d <- m@frame; d$.w <- weights(m); f <- update(m, REML = FALSE, devFunOnly = TRUE, data = d, weights = .w, start = NULL, control = lmerControl()); e <- environment(f); n <- nobs(m)
  sizes <- lengths(getME(m, "cnms")); logw <- sum(log(weights(m)))
  function(p) {
    sigma <- p[length(p)]; if (!is.finite(sigma) || sigma < 1e-6) return(Inf)   # NaN would stay in lme4's state
    at <- 0; theta <- c()
    for (q in sizes) {   # sd, then correlations with the later ones, then sd, ... as lme4 orders them
      R <- diag(q); S <- numeric(q); for (c in 1:q) for (r in c:q) { at <- at + 1; if (r == c) S[c] <- p[at] else R[r, c] <- R[c, r] <- p[at] }
      L <- tryCatch(t(chol(R)), error = function(e) NULL); if (is.null(L)) return(Inf)
      theta <- c(theta, (S * L / sigma)[lower.tri(L, TRUE)])
    }
    f(theta); unname(e$pp$ldL2() + n * log(2 * pi * sigma^2) + (e$resp$wrss() + e$pp$sqrL(1)) / sigma^2 - logw)
  }
}
sd_limits <- function(m, level) {
  f <- deviance_of(m); named <- attr(getFromNamespace("devfun2", "lme4")(m, useSc = TRUE, signames = FALSE), "optimum"); k <- length(named) - length(fixef(m)); opt <- named[1:k]
  lower <- ifelse(grepl("^cor_", names(opt)), -1, 0); upper <- ifelse(grepl("^cor_", names(opt)), 1, Inf); d0 <- f(opt); stopifnot(abs(d0 + 2 * as.numeric(logLik(m))) < 1e-6)
  t(sapply(1:k, function(j) {
    start <- opt
    held <- function(v) {
      if (k == 1) return(f(v) - d0 - crit(level))
      g <- function(o) { p <- opt; p[j] <- v; p[-j] <- o; r <- f(p); if (is.finite(r)) r else 1e10 }
      from <- function(s) nlminb(pmin(pmax(s, lower[-j] + 1e-6), upper[-j] - 1e-6), g, lower = lower[-j], upper = pmin(upper[-j], 1e6),
                                 control = list(rel.tol = 1e-14, x.tol = 1e-12, eval.max = 5000, iter.max = 2000))
      o <- from(start[-j]); again <- from(opt[-j]); if (again$objective < o$objective) o <- again
      start[-j] <<- o$par; o$objective - d0 - crit(level) }
    down <- function(lo) if (held(lo) < 0) round(lo) else uniroot(held, c(lo, opt[j]), tol = 1e-9 * max(1e-3, abs(opt[j])))$root
    up <- function(hi) { if (is.finite(upper[j])) { if (held(hi) < 0) return(round(hi)) } else while (held(hi) < 0) hi <- 2 * hi
      uniroot(held, c(opt[j], hi), tol = 1e-9 * max(1e-3, abs(opt[j])))$root }
    low <- down(if (grepl("^cor_", names(opt)[j])) -.99999 else if (names(opt)[j] == "sigma") opt[j] / 4 else 0); start <- opt
    c(low, up(if (is.finite(upper[j])) .99999 else max(2 * opt[j], sd(getME(m, "y")))))
  }))
}
one <- function(name, file, formula, factors, weights = NULL, levels = c(.95, .8)) {
  m <- tight(as.formula(formula), read(file, factors), FALSE, weights)
  limits <- lapply(levels, function(level) {
    ci <- suppressWarnings(suppressMessages(confint(m, method = "profile", level = level, oldNames = FALSE, quiet = TRUE)))
    k <- nrow(ci) - length(fixef(m)); search <- rbind(sd_limits(m, level), beta_limits(m, level))
    data.frame(level = level, term = rownames(ci), estimate = c(attr(getFromNamespace("devfun2", "lme4")(m, useSc = TRUE, signames = FALSE), "optimum")[1:k], fixef(m)),
      low = search[, 1], high = search[, 2], lme4_low = ci[, 1], lme4_high = ci[, 2])
  })
  out <- do.call(rbind, limits); rownames(out) <- NULL; worst <- with(out, max(abs(c(low - lme4_low, high - lme4_high)) / rep(pmax(high - low, 1e-9), 2), na.rm = TRUE))
  cat(sprintf("%-22s largest difference from lme4, in widths: %.1e\n", name, worst))
  list(name = name, data = file, formula = formula, factors = I(factors), weights = if (is.null(weights)) "" else weights, deviance = -2 * as.numeric(logLik(m)), limits = out)
}
clinic <- c("episode_id", "patient_id", "clinic_id", "condition", "arm", "therapist_id")
store(list(
  one("sleepstudy", "lme4_sleepstudy.csv", "Reaction ~ Days + (1 + Days | Subject)", "Subject"),
  one("sleepstudy_double_bar", "lme4_sleepstudy.csv", "Reaction ~ Days + (1 + Days || Subject)", "Subject"),
  one("rail", "nlme_Rail.csv", "travel ~ 1 + (1 | Rail)", "Rail"),
  one("dyestuff2", "lme4_Dyestuff2.csv", "Yield ~ 1 + (1 | Batch)", "Batch"),
  one("penicillin", "lme4_Penicillin.csv", "diameter ~ 1 + (1 | plate) + (1 | sample)", c("plate", "sample")),
  one("clinic_two_factors", "clinic.csv", "improvement ~ arm * session_count + (1 | episode_id) + (1 | therapist_id)", clinic),
  one("clinic_weights", "clinic.csv", "improvement ~ session_count + (1 + session_count | episode_id)", clinic, "weight")), "profiles.json")
