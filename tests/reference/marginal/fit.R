# Standardised effects from glm(), by predict() with every row in one arm and then in the other: delta method with
# numDeriv and a sandwich over clusters, jackknife by refits; and from lme4's glmer(), over random effects by
# integrate(). Synthetic data.
data <- read.csv("data.csv")
K <- length(unique(data$team))

shares <- function(data, average) {
  w <- if (grepl("rate", average$measure)) data$years else rep(1, nrow(data))
  if (average$over == "cluster") w <- w / ave(w, data$team, FUN = sum)
  w / sum(w)
}
scale <- function(measure) if (grepl("difference", measure)) identity else if (grepl("odds", measure)) qlogis else log
design <- function(model, rows) model.matrix(delete.response(terms(model)), rows)
effect <- function(beta, model, data, average) {
  means <- sapply(0:1, function(value) {
    rows <- transform(data, arm = value)
    x <- design(model, rows)
    sum(shares(data, average) * family(model)$linkinv(x %*% beta))
  })
  diff(scale(average$measure)(means))
}
sandwich <- function(model, data) {
  x <- model.matrix(model)
  scores <- rowsum(x * residuals(model, "response"), data$team)
  bread <- vcov(model)
  bread %*% crossprod(scores) %*% bread
}
one <- function(fit, measure, over) {
  average <- list(measure = measure, over = over)
  model <- fit(data)
  gradient <- numDeriv::jacobian(effect, coef(model), model = model, data = data, average = average)
  without <- sapply(unique(data$team), function(team) {
    rows <- data[data$team != team, ]
    effect(coef(fit(rows)), fit(rows), rows, average)
  })
  list(
    outcome = all.vars(formula(model))[1], measure = measure, average = over,
    estimate = effect(coef(model), model, data, average),
    delta = sqrt(drop(gradient %*% sandwich(model, data) %*% t(gradient))),
    jackknife = sqrt((K - 1) / K * sum((without - mean(without))^2))
  )
}
logistic <- function(rows) glm(relapse ~ arm * age, binomial, rows, control = list(epsilon = 1e-14))
rates <- function(rows) {
  glm(visits ~ arm * age + offset(log(years)), poisson, rows, control = list(epsilon = 1e-14))
}
marginal <- list()
for (over in c("participant", "cluster")) {
  for (measure in paste("risk", c("difference", "ratio"))) marginal <- c(marginal, list(one(logistic, measure, over)))
  marginal <- c(marginal, list(one(logistic, "odds ratio", over)))
  for (measure in paste("rate", c("difference", "ratio"))) marginal <- c(marginal, list(one(rates, measure, over)))
}

mixed <- lme4::glmer(relapse ~ arm * age + (1 | team), data, binomial, nAGQ = 25,
  control = lme4::glmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-10), calc.derivs = FALSE))
s <- attr(lme4::VarCorr(mixed)$team, "stddev")
risk <- sapply(0:1, function(value) {
  eta <- model.matrix(~ arm * age, transform(data, arm = value)) %*% lme4::fixef(mixed)
  mean(sapply(eta, function(e) integrate(function(u) plogis(e + u) * dnorm(u, 0, s), -Inf, Inf, rel.tol = 1e-10)$value))
})
writeLines(jsonlite::toJSON(list(marginal = marginal, mixed = list(risks = risk, deviation = unname(s))),
  auto_unbox = TRUE, digits = NA, pretty = TRUE), "expected.json")
