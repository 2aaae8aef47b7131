# Two-stage analyses with base R: glm for stage one, aggregate, lm and t.test for stage two. Synthetic data.
data <- read.csv("data.csv", stringsAsFactors = TRUE)
cases <- list()

add <- function(name, call, estimate, std_error, df) {
  statistic <- estimate / std_error
  cases[[name]] <<- list(call = call, result = list(
    estimate = estimate, std_error = std_error, df = df, p_value = 2 * pt(-abs(statistic), df),
    conf_low = estimate - qt(0.975, df) * std_error, conf_high = estimate + qt(0.975, df) * std_error
  ))
}
stage_two <- function(fit, cluster_level = 0) {
  row <- coef(summary(fit))["intervention", ]
  list(row[["Estimate"]], row[["Std. Error"]], fit$df.residual - cluster_level)
}

# Means: t test; strata; inverse-variance weights; linear residuals
means <- aggregate(score ~ team + intervention + trust, data, mean)
test <- t.test(score ~ factor(intervention, c(1, 0)), means, var.equal = TRUE)
add("mean", list(outcome = "score"), -diff(test$estimate)[[1]], test$stderr, test$parameter[[1]])
do.call(add, c(list("mean, strata", list(outcome = "score", strata = "trust")),
  stage_two(lm(score ~ intervention + trust, means))))
means$size <- aggregate(score ~ team + intervention + trust, data, length)$score
table <- anova(lm(score ~ factor(intervention), data), lm(score ~ factor(intervention) + team, data))
within <- table$RSS[2] / table$Res.Df[2]
n0 <- (nrow(data) - sum(tapply(means$size, means$intervention, function(m) sum(m^2) / sum(m)))) / table$Df[2]
between <- (table$F[2] - 1) * within / n0
stopifnot(between > 0)
do.call(add, c(list("mean, inverse variance", list(outcome = "score", weights = "inverse-variance")),
  stage_two(lm(score ~ intervention, means, weights = 1 / (between + within / size)))))
data$residual <- resid(lm(score ~ age + gender + baseline + trust, data))
residuals <- aggregate(residual ~ team + intervention + trust, data, mean)
do.call(add, c(list("mean, adjusted", list(outcome = "score", strata = "trust",
  covariates = c("age", "gender", "baseline"))),
  stage_two(lm(residual ~ intervention + trust, residuals), 1)))

# Proportions: risk difference and ratio, logistic residuals
proportion <- aggregate(relapse ~ team + intervention + trust, data, mean)
do.call(add, c(list("risk difference", list(outcome = "relapse", kind = "proportion")),
  stage_two(lm(relapse ~ intervention, proportion))))
do.call(add, c(list("risk ratio", list(outcome = "relapse", kind = "proportion", measure = "risk ratio")),
  stage_two(lm(log(relapse) ~ intervention, proportion))))
data$expected <- fitted(glm(relapse ~ age + gender, binomial, data, control = list(epsilon = 1e-14)))
ratio <- aggregate(cbind(relapse, expected) ~ team + intervention, data, sum)
do.call(add, c(list("risk ratio, adjusted", list(outcome = "relapse", kind = "proportion", measure = "risk ratio",
  covariates = c("age", "gender"))),
  stage_two(lm(log(relapse / expected) ~ intervention, ratio))))

# Rates: ratio on the log scale and by Taylor series, Poisson residuals with offset and strata
rate <- aggregate(cbind(visits, years) ~ team + intervention + trust, data, sum)
rate$rate <- rate$visits / rate$years
call <- list(outcome = "visits", kind = "rate", person_time = "years")
do.call(add, c(list("rate ratio", call), stage_two(lm(log(rate) ~ intervention, rate))))
do.call(add, c(list("rate difference", c(call, measure = "rate difference")),
  stage_two(lm(rate ~ intervention, rate))))
mean1 <- mean(rate$rate[rate$intervention == 1]); mean0 <- mean(rate$rate[rate$intervention == 0])
v <- tapply(rate$rate, rate$intervention, var); k <- table(rate$intervention)
add("rate ratio, taylor", c(call, interval = "taylor"), log(mean1 / mean0),
  sqrt(v[["1"]] / (k[["1"]] * mean1^2) + v[["0"]] / (k[["0"]] * mean0^2)), nrow(rate) - 2)
data$expected <- fitted(glm(visits ~ age + baseline + trust + offset(log(years)), poisson, data,
  control = list(epsilon = 1e-14)))
ratio <- aggregate(cbind(visits, expected) ~ team + intervention + trust, data, sum)
do.call(add, c(list("rate ratio, adjusted", c(call, strata = "trust", list(covariates = c("age", "baseline")))),
  stage_two(lm(log(visits / expected) ~ intervention + trust, ratio), 1)))

writeLines(jsonlite::toJSON(cases, auto_unbox = TRUE, digits = NA, pretty = TRUE), "expected.json")
