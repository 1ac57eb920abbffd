# Cumulative incidence with competing events, by R's survival. Run in this folder: Rscript cumulative_incidence.R
library(survival)

cases <- list(
  all_end_at_the_last_time = list(time = c(1, 2, 2, 3, 4, 5, 5, 6), status = c(1, 2, 0, 1, 1, 2, 1, 1)),
  last_one_censored = list(time = c(1, 2, 2, 3, 4, 5, 5, 6), status = c(1, 2, 0, 1, 1, 2, 1, 0)),
  ties_of_everything = list(time = c(7, 7, 7, 7, 14, 14, 14, 14, 14, 21), status = c(0, 1, 2, 2, 0, 0, 1, 1, 2, 0)),
  no_competing_event = list(time = c(3, 5, 5, 8, 9, 12), status = c(1, 0, 1, 1, 0, 1))
)
rows <- list()
for (name in names(cases)) {
  case <- cases[[name]]
  fit <- survfit(Surv(case$time, factor(case$status, 0:2)) ~ 1, conf.type = "log-log")
  rows[[name]] <- list(
    time = case$time, status = case$status, at = fit$time, n_at_risk = fit$n.risk[, 1],
    estimate = fit$pstate[, 2:3], std_error = fit$std.err[, 2:3],
    conf_low = fit$lower[, 2:3], conf_high = fit$upper[, 2:3]
  )
}
number <- function(x) ifelse(is.na(x), "null", format(x, digits = 15, trim = TRUE))
vector <- function(x) paste0("[", paste(number(x), collapse = ", "), "]")
value <- function(x) if (is.matrix(x)) paste0("[", paste(apply(t(x), 1, vector), collapse = ", "), "]") else vector(x)
entry <- function(x) paste0("{", paste(sprintf('"%s": %s', names(x), sapply(x, value)), collapse = ",\n    "), "}")
versions <- sprintf('{"R": "%s", "survival": "%s"}', getRversion(), packageVersion("survival"))
text <- paste0('{"versions": ', versions, ',\n  "cases": {\n', paste(
  sprintf('  "%s": %s', names(rows), sapply(rows, entry)), collapse = ",\n"), "\n}}\n")
cat(text, file = "cumulative_incidence.json")
