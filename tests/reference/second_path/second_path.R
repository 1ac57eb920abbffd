# Answers of a study anew, from its tables and the sentences on methods: nothing of the package runs here.
suppressMessages({library(lme4); library(lmerTest); library(splines); library(jsonlite)})
options(warn = -1)
ep <- read.csv("episodes.csv"); visits <- read.csv("sessions.csv"); scores <- read.csv("assessments.csv")
rec <- visits[visits$status == "attended", ]
rec <- rec[order(rec$episode_id, rec$session), ]
rec$nth <- ave(rec$session, rec$episode_id, FUN = seq_along)      # a visit's number among those received
base <- setNames(scores[scores$timing == "baseline", c("episode_id", "score")], c("episode_id", "baseline"))
r <- merge(merge(scores[scores$timing != "baseline", ], base), ep)
r <- r[order(r$episode_id, r$session), ]
r$improvement <- r$baseline - r$score
for (i in seq_len(nrow(r))) {
  before <- rec[rec$episode_id == r$episode_id[i] & rec$session < r$session[i], ]
  r$count[i] <- nrow(before)
  r$pressure[i] <- before$pressure[nrow(before)]
  r$mean_so_far[i] <- mean(before$pressure)
  r$therapist[i] <- before$therapist_id[nrow(before)]
  earlier <- scores[scores$episode_id == r$episode_id[i] & scores$session < r$session[i], ]
  r$score_before[i] <- earlier$score[nrow(earlier)]
}
spline <- function(x) {                                            # natural, knots at thirds of the distinct times
  knots <- quantile(unique(x), c(1 / 3, 2 / 3)); ends <- range(x)
  function(t) ns(t, knots = knots, Boundary.knots = ends)
}
control <- lmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-10), check.conv.singular = "ignore")
fit <- function(formula, data, ...) lmer(as.formula(formula), data, control = control, ...)
at <- function(model, l) { t <- contest1D(model, l, ddf = "Satterthwaite"); c(t$Estimate, t[["Std. Error"]], t$df) }
term <- function(model, name) at(model, 1 * (names(fixef(model)) == name))
slopes <- "+ (1 + count | episode_id) + (1 | therapist) + (0 + count | therapist)"

# therapists
S <- spline(r$count)
with <- fit("improvement ~ condition + baseline + S(count) + (1 | episode_id) + (1 | therapist)", r)
without <- fit("improvement ~ condition + baseline + S(count) + (1 | episode_id)", r)
parts <- as.data.frame(VarCorr(with)); ratio <- 2 * as.numeric(logLik(with) - logLik(without))
own <- parts$vcov[parts$grp == "therapist"]
therapists <- list(sd = sqrt(own), share = own / sum(parts$vcov), ratio = ratio, p = pchisq(ratio, 1, lower = FALSE) / 2)

# mean improvement by sessions received; leavers
n_at <- tapply(r$episode_id, r$count, function(x) length(unique(x)))
times <- as.numeric(names(n_at)[n_at >= 11])
last <- tapply(r$count, r$episode_id, max)
horizon <- max(times[sapply(times, function(t) mean(last >= t)) >= 0.5])
n <- table(r$therapist[!duplicated(r$episode_id)]); kish <- round(sum(n)^2 / sum(n^2), 1)
pooled <- fit(paste("improvement ~ S(count)", slopes), r)
curve <- t(sapply(times, function(t) at(pooled, c(1, S(t)))))
df <- pmin(pmax(curve[, 3], min(max(kish - 1, 2), 5)), 5 * (kish - 1))
h <- which(times == horizon)
left <- last < horizon & ep$end_reason[match(names(last), ep$episode_id)] != "goal_met"
p <- mean(left); reach <- qt(0.975, df[h])
low <- function(d) curve[h, 1] - d * p - reach * sqrt(curve[h, 2]^2 + d^2 * p * (1 - p) / length(left))
tipping <- uniroot(low, c(0, 1000), tol = 1e-10)$root
total <- tapply(rec$nth, rec$episode_id, max)
end <- r[!duplicated(r$episode_id, fromLast = TRUE), ]
few <- end$improvement[total[end$episode_id] <= 5]

# frequency
r$often <- 1 * (r$sessions_per_week >= 1.5)
first <- r[!duplicated(r$episode_id), ]
r$usual <- tapply(first$often, first$therapist, mean)[r$therapist]
frequency <- function(time) {
  d <- r; d$time <- if (time == "week") round(d$day / 7) else d$count
  d <- d[d$time > 0, ]
  seen <- tapply(d$episode_id, list(d$time, d$often), function(x) length(unique(x)))
  when <- max(as.numeric(rownames(seen)[rowSums(!is.na(seen) & seen >= 11) == 2]))
  d <- d[d$time <= when, ]
  few <- length(unique(d$time)) <= 4
  levels <- sort(unique(d$time))[-1]
  S <- if (few) function(t) outer(t, levels, "==") * 1 else spline(d$time)
  random <- "+ (1 | episode_id) + (1 | therapist)"
  if (!few && median(table(d$episode_id)) >= 3) random <- "+ (1 + time | episode_id) + (1 | therapist) + (0 + time | therapist)"
  assign("S", S, globalenv())
  model <- fit(paste("improvement ~ often * S(time) + condition + baseline + usual + usual:time", random), d)
  terms <- names(fixef(model)); l <- 1 * (terms == "often"); l[grep("often:", terms)] <- S(when)
  c(when, at(model, l))
}
weeks <- frequency("week"); sessions <- frequency("count")

# pressure: levels that 11 courses have, adapted or not; scores after a visit whose own start was scored
v <- rec; facts <- ep[match(v$episode_id, ep$episode_id), ]
v$adapted <- 1 * (facts$adaptations != "none"); v$age <- as.numeric(sub("-.*", "", facts$age_band)) / 10
v$condition <- facts$condition
v$now <- scores$score[match(paste(v$episode_id, v$session), paste(scores$episode_id, scores$session))]
v <- v[v$episode_id %in% r$episode_id, ]
v$before <- ave(v$pressure, v$episode_id, FUN = function(x) c(NA, x[-length(x)]))
cells <- aggregate(episode_id ~ adapted + pressure, v, function(x) length(unique(x)))
v <- merge(v, setNames(cells, c("adapted", "pressure", "courses")))
several <- tapply(cells$episode_id >= 11, cells$adapted, sum) >= 2
v <- v[!v$episode_id %in% v$episode_id[v$courses < 11 | !several[as.character(v$adapted)]], ]
v <- v[order(v$episode_id, v$nth), ]
next_scores <- r[!duplicated(r[, c("episode_id", "count")]), ]
scored <- v[!is.na(v$now), ]
q <- next_scores
place <- match(paste(q$episode_id, q$count), paste(scored$episode_id, scored$nth))
q$adapted <- scored$adapted[place]; q$age <- scored$age[place]; q <- q[!is.na(place), ]
q$usual <- ave(q$pressure, q$therapist); q$squared <- (q$pressure - mean(q$pressure))^2; q$within <- q$pressure - q$mean_so_far
S <- spline(q$count)
model <- function(add) fit(paste("improvement ~ condition * S(count) + baseline + score_before + adapted + age + usual +", add, slopes), q)
split <- model("within + mean_so_far")
pressure <- list(`last visit` = term(model("pressure"), "pressure"), curvature = term(model("pressure + squared"), "squared"),
                 within = term(split, "within"), between = term(split, "mean_so_far"))
# the same with error of the score allowed for: pain by earlier scores as instruments, jackknife over patients
w <- scored
w$earlier <- ave(w$now, w$episode_id, FUN = function(x) c(NA, (cumsum(x) / seq_along(x))[-length(x)]))
w$nxt <- next_scores$score[match(paste(w$episode_id, w$nth), paste(next_scores$episode_id, next_scores$count))]
w <- w[!is.na(w$earlier) & !is.na(w$before), ]
effect <- function(d, habit) {
  X <- model.matrix(~ factor(nth) + condition * nth + factor(therapist_id) + adapted + age, d)
  if (habit) X <- cbind(X, d$before)
  left <- function(y) lm.fit(X, y)$residuals
  P <- left(d$pressure); Y <- left(d$now); E <- left(d$earlier); b <- sum(P * E) / sum(Y * E)
  i <- !is.na(d$nxt)
  g <- lm.fit(cbind(d$pressure[i], d$now[i], X[i, ]), d$nxt[i])$coefficients
  -(g[[1]] - g[[2]] * (b * sum(Y * Y) - sum(P * Y)) / (sum(P * P) - b * sum(P * Y)))
}
jackknife <- function(habit) {
  without <- sapply(unique(w$episode_id), function(one) effect(w[w$episode_id != one, ], habit))
  c(effect(w, habit), sqrt((length(without) - 1) * mean((without - mean(without))^2)), length(without) - 1)
}
both <- list(jackknife(TRUE), jackknife(FALSE))
p_value <- sapply(both, function(x) 2 * pt(-abs(x[1] / x[2]), x[3]))
pressure[["error allowed for"]] <- both[[which.max(p_value)]]

versions <- c(R = as.character(getRversion()), sapply(c("lme4", "lmerTest"), function(x) as.character(packageVersion(x))))
writeLines(toJSON(list(
  versions = as.list(versions), pressure = pressure, therapists = therapists, frequency = list(`equal weeks` = weeks, `equal sessions` = sessions),
  curve = cbind(times, curve[, 1:2], df), tipping = tipping, trap = c(length(few), mean(few))
), auto_unbox = TRUE, digits = 12, pretty = TRUE), "second_path.json")
