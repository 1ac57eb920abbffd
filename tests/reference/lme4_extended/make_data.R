# Writes the synthetic data sets of this folder: clinic-like, made from a seed, no person behind any row.
#   clinic.csv         48 episodes of 3 conditions in 2 arms, 40 patients, 6 therapists who share episodes (crossed), 4 clinics, uneven visits
#   clinic_gaps.csv    the same with missing cells
#   clinic_empty.csv   the same without any row of neck x massage (an empty cell)
#   therapist_zero.csv a therapist variance whose estimate is 0
#   slope_zero.csv     a slope variance of 0
#   correlated.csv     intercept and slope nearly collinear (correlation at its limit)
#   nested.csv         2-6 patients in each of 12 clinics, 3-7 visits each
#   hetero.csv         48 small clusters, variance growing with the covariate (for cluster-robust errors)
set.seed(20261123, kind = "Mersenne-Twister", normal.kind = "Inversion", sample.kind = "Rejection")
save_csv <- function(d, name) {
  numeric <- vapply(d, is.double, TRUE)
  d[numeric] <- lapply(d[numeric], round, 6)
  write.csv(d, file.path("csv", name), row.names = FALSE, quote = FALSE)
}

n <- 48
episode <- data.frame(
  episode_id = sprintf("E%02d", 1:n), patient_id = sprintf("P%02d", c(1:40, sample(40, 8))),
  clinic_id = sprintf("C%d", rep(1:4, each = 12)),
  condition = sample(c("headache", "low_back", "neck"), n, TRUE, c(.45, .35, .2)),
  arm = sample(c("massage", "usual"), n, TRUE), baseline = round(pmin(10, pmax(2, rnorm(n, 6, 1.4))), 1),
  visits = sample(3:10, n, TRUE), stringsAsFactors = FALSE)
b0 <- rnorm(n, 0, .9); b1 <- .25 * b0 * .2 + rnorm(n, 0, .12)
therapist <- setNames(rnorm(6, 0, .5), sprintf("T%d", 1:6))
rows <- do.call(rbind, lapply(1:n, function(i) {
  k <- episode$visits[i]; e <- episode[rep(i, k), ]
  e$session_count <- 1:k
  e$day <- cumsum(sample(3:11, k, TRUE))
  e$therapist_id <- sample(names(therapist), k, TRUE, c(3, 3, 2, 2, 1, 1))
  e$pressure <- sample(1:4, k, TRUE, c(.15, .35, .35, .15))
  e$minutes <- sample(c(30, 45, 60), k, TRUE)
  slope <- .22 + .10 * (e$condition == "low_back") - .05 * (e$condition == "neck") + .08 * (e$arm == "massage")
  e$improvement <- -.6 + .18 * e$baseline + .5 * (e$condition == "low_back") + slope * e$session_count + .15 * e$pressure +
    b0[i] + b1[i] * e$session_count + therapist[e$therapist_id] + rnorm(k, 0, .8)
  e
}))
rownames(rows) <- NULL; rows$visits <- NULL
rows$weight <- round(runif(nrow(rows), .4, 2.5), 3)
rows$expected <- round(.1 * rows$session_count, 3)
rows$year <- 2019 + rows$day / 365.25 + as.integer(factor(rows$clinic_id))
save_csv(rows, "clinic.csv")
gaps <- rows; gaps$pressure[sample(nrow(gaps), 12)] <- NA; gaps$improvement[sample(nrow(gaps), 9)] <- NA; gaps$baseline[gaps$episode_id == "E07"] <- NA
save_csv(gaps, "clinic_gaps.csv")
save_csv(rows[!(rows$condition == "neck" & rows$arm == "massage"), ], "clinic_empty.csv")

course <- function(n, k) data.frame(episode_id = rep(sprintf("E%03d", 1:n), each = k), session_count = rep(1:k, n))
zero <- course(40, 6); zero$therapist_id <- rep(sprintf("T%d", rep(1:8, each = 5)), each = 6)
zero$u <- rep(rnorm(40), each = 6)                       # the same mean in every therapist: no variance between them
zero$u <- zero$u - ave(zero$u, zero$therapist_id); zero$e <- rnorm(240, 0, .9); zero$e <- zero$e - ave(zero$e, zero$therapist_id)
zero$improvement <- .3 * zero$session_count + zero$u + zero$e; zero$u <- zero$e <- NULL
save_csv(zero, "therapist_zero.csv")
flat <- course(30, 5); e <- rnorm(150); x <- flat$session_count - 3
slope <- ave(e * x, flat$episode_id, FUN = sum) / 10
flat$improvement <- .4 * flat$session_count + rep(rnorm(30), each = 5) + e - .97 * slope * x
save_csv(flat, "slope_zero.csv")
tied <- course(36, 5); u <- rep(rnorm(36), each = 5)
tied$improvement <- 1 + .5 * tied$session_count + u * (1 + .5 * tied$session_count) + rnorm(180, 0, 1.2)
save_csv(tied, "correlated.csv")

patients <- sample(2:6, 12, TRUE)
nested <- do.call(rbind, lapply(1:12, function(c) do.call(rbind, lapply(seq_len(patients[c]), function(p) {
  k <- sample(3:7, 1)
  data.frame(clinic_id = sprintf("C%02d", c), patient = p, session_count = 1:k, clinic_effect = 0, patient_effect = rnorm(1, 0, 1), patient_slope = rnorm(1, 0, .15))
}))))
clinic_effect <- rnorm(12, 0, .8); clinic_slope <- rnorm(12, 0, .12); i <- as.integer(factor(nested$clinic_id))
nested$improvement <- with(nested, 2 + clinic_effect[i] + patient_effect + (.3 + clinic_slope[i] + patient_slope) * session_count) + rnorm(nrow(nested), 0, .7)
save_csv(nested[c("clinic_id", "patient", "session_count", "improvement")], "nested.csv")

hetero <- do.call(rbind, lapply(1:48, function(c) { k <- sample(3:9, 1)
  data.frame(cluster = sprintf("K%02d", c), arm = if (c %% 3 == 0) "massage" else "usual", dose = round(rexp(1, .3) + runif(k), 3), session_count = 1:k) }))
g <- rep(rnorm(48), table(factor(hetero$cluster, unique(hetero$cluster))))
hetero$improvement <- 1 + .4 * (hetero$arm == "massage") + .2 * hetero$dose + .1 * hetero$session_count + g * (.4 + .3 * hetero$dose) + rnorm(nrow(hetero), 0, .5 + .2 * hetero$dose)
save_csv(hetero, "hetero.csv")
