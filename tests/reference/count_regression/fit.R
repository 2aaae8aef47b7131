# Negative binomial and Poisson regressions of team totals by MASS and stats, with HC0, HC2 and HC3 by sandwich.
# Synthetic data: see simulate.py.
suppressMessages({library(MASS); library(sandwich)})
data <- read.csv("data.csv")
formula <- admissions ~ arm + log(baseline) + offset(log(years))

one <- function(fit, family, theta = NULL) {
  errors <- lapply(list(none = "HC0", kc = "HC2", md = "HC3"), function(type) unname(sqrt(diag(vcovHC(fit, type = type)))))
  list(family = family, term = names(coef(fit)), estimate = unname(coef(fit)), theta = theta, std_error = errors)
}

theta <- glm.nb(formula, data, control = glm.control(epsilon = 1e-14, maxit = 200))$theta
known <- glm(formula, negative.binomial(theta), data, control = glm.control(epsilon = 1e-14))
cases <- list(
  one(known, "negative_binomial", theta),
  one(glm(formula, poisson, data, control = glm.control(epsilon = 1e-14)), "poisson"))
writeLines(jsonlite::toJSON(cases, digits = NA, auto_unbox = TRUE, pretty = TRUE, null = "null"), "expected.json")
