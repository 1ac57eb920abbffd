# A model of the shipped study by lme4 and lmerTest, beside the table of `outcomes`.
# Rows: python -c "import outcomes as oc; r = oc.load('data/synthetic').trajectory('nprs'); \
#   r[r.session.notna()].to_csv('rows.csv', index=False)"
# Run: Rscript fit_table.R rows.csv > fit_table.json
suppressMessages({library(lme4); library(lmerTest)})
rows <- read.csv(commandArgs(TRUE)[1])
rows$condition <- factor(rows$condition)
fit <- lmer(improvement ~ condition * session_count + baseline + score_before + pressure +
              (1 | episode_id), rows, REML = TRUE,
            control = lmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-9)))
table <- coef(summary(fit))
half <- qt(0.975, table[, "df"]) * table[, "Std. Error"]
parts <- as.data.frame(VarCorr(fit))
row <- function(i) sprintf('    ["%s", %.6f, %.6f, %.6f, %.6f]', rownames(table)[i], table[i, 1],
                           table[i, 1] - half[i], table[i, 1] + half[i], table[i, 5])
cat("{\n", sprintf('  "versions": "R %s, lme4 %s, lmerTest %s",\n', getRversion(),
                   packageVersion("lme4"), packageVersion("lmerTest")),
    sprintf('  "n": %d, "courses": %d,\n', nobs(fit), ngrps(fit)[["episode_id"]]),
    sprintf('  "sd_level": %.5f, "sd_residual": %.5f,\n', parts$sdcor[1], parts$sdcor[2]),
    '  "coefficients": [\n', paste(sapply(seq_len(nrow(table)), row), collapse = ",\n"),
    "\n  ]\n}\n", sep = "")
