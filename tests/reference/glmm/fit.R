# Generalised mixed models by lme4 (with tight tolerances) and glmmTMB. Synthetic data.
suppressMessages({library(lme4); library(glmmTMB)})
data <- read.csv("data.csv")
control <- glmerControl(optimizer = "bobyqa", tolPwrss = 1e-13, optCtrl = list(rhoend = 1e-10, maxfun = 1e6),
  check.conv.grad = "ignore", check.conv.hess = "ignore", check.conv.singular = "ignore")
rows <- function(table) data.frame(term = rownames(table), estimate = table[, 1], std_error = table[, 2], row.names = NULL)
variances <- function(table) { names(table) <- c("group", "term", "other", "covariance"); table }

lme <- function(formula, family, nodes = 1, weights = NULL) {
  data$w <- if (is.null(weights)) 1 else data[[weights]]
  fit <- if (is.null(weights)) glmer(formula, data, family, nAGQ = nodes, control = control)
    else glmer(formula, data, family, nAGQ = nodes, control = control, weights = w)
  list(program = "lme4", formula = paste(deparse(formula, 500), collapse = ""), family = fit@resp$family$family,
    link = fit@resp$family$link, n_agq = nodes, weights = weights, zero_inflated = FALSE, loglik = c(logLik(fit)),
    fixed = rows(summary(fit)$coefficients), variances = variances(as.data.frame(VarCorr(fit))[, 1:4]))
}
tmb <- function(formula, family, name, inflated = FALSE, start = NULL) {
  fit <- glmmTMB(formula, data, family, start = start, ziformula = if (inflated) ~1 else ~0,
    control = glmmTMBControl(optCtrl = list(iter.max = 1e4, eval.max = 1e4, rel.tol = 1e-14, x.tol = 1e-12)))
  blocks <- VarCorr(fit)$cond
  table <- do.call(rbind, lapply(names(blocks), function(group) {
    block <- blocks[[group]]; terms <- rownames(block)
    pairs <- which(lower.tri(block, TRUE), arr.ind = TRUE)
    data.frame(group = group, term = terms[pairs[, 2]], other = ifelse(pairs[, 1] == pairs[, 2], NA, terms[pairs[, 1]]),
      covariance = block[pairs])
  }))
  list(program = "glmmTMB", formula = paste(deparse(formula, 500), collapse = ""), family = name,
    link = family$link, n_agq = 1, weights = NULL, zero_inflated = inflated, loglik = c(logLik(fit)),
    fixed = rows(summary(fit)$coefficients$cond), variances = table,
    dispersion = if (name %in% c("poisson", "binomial")) NULL else sigma(fit),
    inflation = if (inflated) plogis(fixef(fit)$zi[[1]]) else NULL)
}

cases <- list(
  "Poisson" = lme(count ~ arm * month + age + offset(log(people)) + (1 | team), poisson),
  "Poisson, 9 nodes" = lme(count ~ arm * month + age + offset(log(people)) + (1 | team), poisson, 9),
  "Poisson, slope" = lme(count ~ arm + month + offset(log(people)) + (month | team), poisson),
  "Poisson, uncorrelated" = lme(count ~ arm + month + offset(log(people)) + (month || team), poisson),
  "Poisson, nested" = lme(count ~ arm + month + offset(log(people)) + (1 | trust/team), poisson),
  "Poisson, crossed" = lme(count ~ arm + month + offset(log(people)) + (1 | team) + (1 | rater), poisson),
  "Poisson, rows" = lme(varied ~ arm + month + offset(log(people)) + (1 | team) + (1 | row), poisson),
  "binary" = lme(binary ~ arm + month + (1 | team), binomial),
  "binary, 2 nodes" = lme(binary ~ arm + month + (1 | team), binomial, 2),
  "binary, 25 nodes" = lme(binary ~ arm + month + (1 | team), binomial, 25),
  "binary, crossed" = lme(binary ~ arm + age + (1 | team) + (1 | rater), binomial),
  "events" = lme(cbind(events, trials - events) ~ arm + month + (1 | team), binomial, 5),
  "proportions" = lme(I(events / trials) ~ arm + month + (1 | team), binomial, 1, "trials"),
  "risk ratio" = tmb(cbind(rare, trials - rare) ~ arm + month + (1 | team), binomial(link = "log"), "binomial",
    start = list(beta = c(-2, 0, 0), theta = -2)),
  "NB2" = tmb(varied ~ arm * month + age + offset(log(people)) + (1 | team), nbinom2(), "negative_binomial"),
  "NB2, slope" = tmb(varied ~ arm + month + offset(log(people)) + (month | team), nbinom2(), "negative_binomial"),
  "NB2, nested" = tmb(varied ~ arm + month + offset(log(people)) + (1 | trust/team), nbinom2(), "negative_binomial"),
  "NB1" = tmb(linear ~ arm * month + age + offset(log(people)) + (1 | team), nbinom1(), "nb1"),
  "beta-binomial" = tmb(cbind(clumped, trials - clumped) ~ arm + month + (1 | team), betabinomial(), "beta_binomial"),
  "zero-inflated Poisson" = tmb(zeros ~ arm + month + offset(log(people)) + (1 | team), poisson(), "poisson", TRUE),
  "zero-inflated NB2" = tmb(varied_zeros ~ arm + month + offset(log(people)) + (1 | team), nbinom2(),
    "negative_binomial", TRUE),
  "zero-inflated NB1" = tmb(varied_zeros ~ arm + month + offset(log(people)) + (1 | team), nbinom1(), "nb1", TRUE)
)
writeLines(jsonlite::toJSON(cases, auto_unbox = TRUE, digits = NA, na = "null", null = "null", pretty = TRUE), "expected.json")
