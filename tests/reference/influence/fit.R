# Estimates without each cluster, DFBETAS and Cook's distances by lme4, degrees of freedom by lmerTest.
# Synthetic data: those of ../lmm.
suppressMessages({library(lme4); library(lmerTest)})
data <- read.csv("../lmm/data.csv", stringsAsFactors = TRUE)
control <- lmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-10, maxfun = 1e6),
  check.conv.grad = "ignore", check.conv.hess = "ignore", check.conv.singular = "ignore")

left_out <- function(formula, by, term, reml = TRUE) {
  fit <- do.call(lme4::lmer, list(formula, quote(data), REML = reml, control = control))
  all <- influence(fit, groups = by)
  estimates <- all[[paste0("fixed.effects[-", by, "]")]]
  covariances <- all[[paste0("vcov[-", by, "]")]]
  levels <- rownames(estimates)
  df <- sapply(levels, function(level) {
    without <- do.call(lmerTest::lmer, list(formula, data[data[[by]] != level, ], REML = reml, control = control))
    coef(summary(without, ddf = "Satterthwaite"))[term, "df"]
  })
  list(formula = paste(deparse(formula, 500), collapse = ""), by = by, term = term, reml = reml, level = levels,
    coefficients = ncol(estimates), estimate = unname(estimates[, term]), df = unname(df),
    std_error = unname(sapply(covariances, function(v) sqrt(v[term, term]))),
    dfbetas = unname(dfbetas(all)[, term]), cooks_distance = unname(cooks.distance(all)))
}

cases <- list(
  left_out(score ~ arm + baseline + (1 | team), "team", "armintervention"),
  left_out(score ~ arm + month + (1 | trust / team), "trust", "month", reml = FALSE),
  left_out(score ~ arm + month + (1 | team) + (1 | rater), "rater", "month"))
writeLines(jsonlite::toJSON(cases, digits = NA, auto_unbox = TRUE, pretty = TRUE), "expected.json")
