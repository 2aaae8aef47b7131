# Mixed models by lme4 with the tests of lmerTest (Satterthwaite) and pbkrtest (Kenward-Roger). Synthetic data.
suppressMessages({library(lmerTest); library(pbkrtest)})
data <- read.csv("data.csv")
control <- lme4::lmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-10, maxfun = 1e6),
  check.conv.grad = "ignore", check.conv.hess = "ignore", check.conv.singular = "ignore")

rows <- function(fit, ddf) {
  table <- summary(fit, ddf = ddf)$coefficients
  data.frame(term = rownames(table), estimate = table[, 1], std_error = table[, 2], df = table[, 3],
    p_value = table[, 5], row.names = NULL)
}
one <- function(formula, reml = TRUE) {
  fit <- suppressMessages(lmer(formula, data, REML = reml, control = control))
  variances <- as.data.frame(lme4::VarCorr(fit))[, 1:4]
  names(variances) <- c("group", "term", "other", "covariance")
  modes <- lme4::ranef(fit)[[1]]
  list(
    formula = paste(deparse(formula, 500), collapse = ""), reml = reml, loglik = c(logLik(fit)), aic = AIC(fit),
    bic = BIC(fit), singular = lme4::isSingular(fit), variances = variances,
    modes = list(group = names(lme4::ranef(fit))[1], level = rownames(modes), mode = modes[, 1]),
    satterthwaite = rows(fit, "Satterthwaite"), kenward_roger = if (reml) rows(fit, "Kenward-Roger")
  )
}

cases <- list(
  "random intercept" = one(score ~ arm + baseline + age + (1 | team)),
  "maximum likelihood" = one(score ~ arm + baseline + age + (1 | team), FALSE),
  "no fixed intercept" = one(score ~ 0 + arm + (1 | team)),
  "random slope" = one(score ~ arm * month + (month | team)),
  "uncorrelated" = one(score ~ arm * month + (month || team)),
  "random slope alone" = one(score ~ arm * month + (0 + month | team)),
  "nested" = one(score ~ arm + month + (1 | team/person)),
  "nested, with slopes" = one(score ~ arm + month + (1 | person) + (month | team)),
  "crossed" = one(score ~ arm + month + (1 | team) + (1 | rater)),
  "crossed, maximum likelihood" = one(score ~ arm + month + (1 | team) + (month | rater), FALSE),
  "transformed" = one(log(score) ~ arm + I(month^2) + (1 | team)),
  "singular" = one(noise ~ arm + (1 | team)),
  "singular slope" = one(noise ~ arm + month + (month | team)),
  "clusters in strata" = one(score ~ arm + (1 | trust/team))
)
writeLines(jsonlite::toJSON(cases, auto_unbox = TRUE, digits = NA, pretty = TRUE, na = "null"), "expected.json")
