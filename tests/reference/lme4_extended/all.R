# Makes every JSON of this folder from the committed CSV files.
for (script in c("models.R", "inference.R", "profiles.R", "prediction.R", "diagnostics.R", "effects.R")) {
  cat(script, "\n")
  stopifnot(system2(file.path(R.home("bin"), "Rscript"), script) == 0)
}
