# Negative intracluster correlation by nlme's gls; effects of cluster-periods by nlme's lme and by glmmTMB. Synthetic data.
suppressMessages({library(nlme); library(glmmTMB)})
data <- read.csv("data.csv")
data$period_f <- factor(data$period)
exact <- glmmTMBControl(optCtrl = list(iter.max = 1e4, eval.max = 1e4, rel.tol = 1e-14, x.tol = 1e-12))
compound <- function(formula, method) {
  fit <- gls(formula, data, correlation = corCompSymm(form = ~ 1 | team), method = method,
    control = glsControl(tolerance = 1e-12, msTol = 1e-14, maxIter = 500, msMaxIter = 500))
  list(reml = method == "REML", estimate = unname(coef(fit)), covariance = unname(vcov(fit)), loglik = c(logLik(fit)),
    rho = unname(coef(fit$modelStruct$corStruct, unconstrained = FALSE)), total_variance = fit$sigma^2)
}
by_lme <- function(structure) {
  fit <- lme(score ~ arm + period_f, data, random = list(team = structure), method = "REML",
    control = lmeControl(msMaxIter = 500, maxIter = 500, msTol = 1e-14, tolerance = 1e-12, opt = "nlminb"))
  list(estimate = unname(fixef(fit)), std_error = unname(sqrt(diag(vcov(fit)))), loglik = c(logLik(fit)),
    sigma = fit$sigma, covariance = unname(as.matrix(getVarCov(fit))[, ]))
}
# glmmTMB adds to its standard errors what the variances' own errors add, so they are left out.
by_glmmtmb <- function(formula, reml = TRUE) {
  fit <- glmmTMB(formula, data, REML = reml, control = exact)
  list(estimate = unname(fixef(fit)$cond), loglik = c(logLik(fit)), sigma = sigma(fit),
    covariance = unname(matrix(VarCorr(fit)$cond$team, nrow(VarCorr(fit)$cond$team))))
}
cases <- list(
  gls = list(
    "negative" = compound(share ~ trained, "REML"), "negative, maximum likelihood" = compound(share ~ trained, "ML"),
    "positive" = compound(score ~ trained, "REML")),
  structures = list(
    cs = by_lme(pdCompSymm(~ period_f - 1)),
    diag = by_lme(pdDiag(~ period_f - 1)),
    csh = by_glmmtmb(score ~ arm + period_f + cs(0 + period_f | team)),
    ar1 = by_glmmtmb(score ~ arm + period_f + ar1(0 + period_f | team))),
  "with persons" = list(
    cs = by_glmmtmb(score ~ arm + period_f + (1 | person) + (1 | team) + (1 | team:period_f)),
    ar1 = by_glmmtmb(score ~ arm + period_f + (1 | person) + ar1(0 + period_f | team)),
    ar1_ml = by_glmmtmb(score ~ arm + period_f + (1 | person) + ar1(0 + period_f | team), FALSE))
)
writeLines(jsonlite::toJSON(cases, auto_unbox = TRUE, digits = NA, pretty = TRUE, na = "null"), "expected.json")
