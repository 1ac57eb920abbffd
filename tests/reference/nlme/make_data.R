# Writes csv/serial.csv: synthetic, made from a seed, no person behind any row. 64 episodes in 2 arms, up to 8 visits at uneven days, some missed;
# improvement has an intercept of its own in every episode and errors whose correlation decays with the days between visits; the spread grows with the visit.
set.seed(20261124, kind = "Mersenne-Twister", normal.kind = "Inversion", sample.kind = "Rejection")
rows <- do.call(rbind, lapply(1:64, function(i) {
  day <- c(0, cumsum(sample(3:12, 7, TRUE))); R <- exp(-abs(outer(day, day, "-")) / 9)
  error <- drop(t(chol(R)) %*% rnorm(8)) * seq(.8, 1.5, length.out = 8); arm <- if (i %% 2) "massage" else "usual"
  d <- data.frame(episode_id = sprintf("E%02d", i), arm = arm, visit = 1:8, day = day, baseline = round(pmin(10, pmax(2, rnorm(1, 6, 1.4))), 1))
  d$improvement <- round(.2 * d$baseline - 1 + (.12 + .06 * (arm == "massage")) * (d$visit - 1) + rnorm(1, 0, .8) + error, 6)
  d[sort(sample(8, sample(4:8, 1))), ]
}))
write.csv(rows, "csv/serial.csv", row.names = FALSE, quote = FALSE)
write.csv(rows[rows$visit <= 5, ], "csv/serial_five.csv", row.names = FALSE, quote = FALSE)   # its first five visits
