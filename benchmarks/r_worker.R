# One R program under the clock: Rscript r_worker.R PEER (lme4 or nlme). The same requests and answers as python_worker.py.
suppressMessages({library(jsonlite)})
peer <- commandArgs(TRUE)[1]
suppressMessages(if (peer == "lme4") { library(lme4); library(lmerTest); library(pbkrtest) } else library(nlme))

memory <- function(field) { line <- grep(field, tryCatch(readLines("/proc/self/status"), error = function(e) character()), value = TRUE); if (length(line)) as.numeric(strsplit(trimws(sub(".*:", "", line)), " ")[[1]][1]) / 1024 else 0 }
reset_peak <- function() tryCatch(writeLines("5", "/proc/self/clear_refs"), error = function(e) NULL, warning = function(w) NULL)
run <- function(d, model, task) {
  if (peer == "lme4") {
    if (model$residual != "") stop("cannot express this")
    f <- as.formula(model$formula)
    if (task == "fit") return(as.numeric(logLik(lme4::lmer(f, d))))
    m <- lmerTest::lmer(f, d)
    summary(m, ddf = if (task == "satterthwaite") "Satterthwaite" else "Kenward-Roger")
    return(as.numeric(logLik(m)))
  }
  if (task != "fit") stop("cannot express this")
  fixed <- as.formula(model$fixed)
  if (model$residual == "us") return(as.numeric(logLik(gls(fixed, d, correlation = corSymm(form = ~ visit | patient), weights = varIdent(form = ~ 1 | visit)))))
  if (model$second == "seen_by") stop("cannot express this")
  inner <- if (model$slope == "") "~ 1" else paste("~ 1 +", model$slope)
  random <- if (model$second == "") as.formula(paste(inner, "|", model$group)) else setNames(list(~ 1, as.formula(inner)), c(model$second, model$group))
  as.numeric(logLik(lme(fixed, d, random = random)))
}
d <- NULL
input <- file("stdin"); open(input)
while (length(line <- readLines(input, 1)) > 0) {
  request <- fromJSON(line)
  reply <- tryCatch({
    if (request$op == "load") { d <- read.csv(request$csv, stringsAsFactors = TRUE); list(frame_mb = as.numeric(object.size(d)) / 2^20) }
    else {
      gc(); before <- memory("VmRSS"); reset_peak(); clock <- as.numeric(Sys.time()); busy <- sum(proc.time()[1:2])
      value <- suppressWarnings(suppressMessages(run(d, request$model, request$task)))
      list(wall = as.numeric(Sys.time()) - clock, cpu = sum(proc.time()[1:2]) - busy, loglik = value, peak_mb = memory("VmHWM") - before)
    }
  }, error = function(e) list(error = substr(strsplit(conditionMessage(e), "\n")[[1]][1], 1, 120)))
  cat(toJSON(reply, auto_unbox = TRUE, digits = NA), "\n", sep = ""); flush(stdout())
}
