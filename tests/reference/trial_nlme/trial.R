# Rscript trial.R: the constrained model with therapists of a course, by nlme.
suppressMessages(library(nlme))
d <- read.csv("trial.csv", stringsAsFactors = FALSE, na.strings = "")
d$visits[is.na(d$visits)] <- ""
main <- function(given) {
  who <- strsplit(given, " ")[[1]]
  if (!length(who)) return("nobody")
  n <- table(factor(who, levels = unique(who)))  # in order of appearance: the first of equals
  names(n)[which.max(n)]
}
d$cluster <- vapply(d$visits, main, "")
long <- rbind(
  data.frame(d[c("course", "arm", "cluster")], later = 0, better = -d$before),
  data.frame(d[c("course", "arm", "cluster")], later = 1, better = -d$later)
)
long <- long[!is.na(long$better), ]
long$massage <- long$later * (long$arm == "massage")
long$treated <- long$later * (long$cluster != "nobody")
fit <- lme(better ~ later + massage, data = long,
           random = list(cluster = ~ 0 + treated, course = ~ 1),
           weights = varIdent(form = ~ 1 | later),
           control = lmeControl(opt = "optim", maxIter = 500, msMaxIter = 500, tolerance = 1e-10,
                                msTol = 1e-12, reltol = 1e-14))
v <- as.numeric(VarCorr(fit)[, "Variance"])
cat(sprintf('{"R": "%s", "nlme": "%s", "estimate": %.8f, "std_error": %.8f, "loglik": %.8f}\n',
            getRversion(), packageVersion("nlme"), fixef(fit)[["massage"]],
            sqrt(vcov(fit)["massage", "massage"]), as.numeric(logLik(fit))),
    file = "trial.json")
print(table(d$cluster, d$arm)); print(summary(fit)$tTable); print(VarCorr(fit))
