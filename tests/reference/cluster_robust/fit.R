# Cluster-robust covariances, Satterthwaite t tests and Hotelling-type (HTZ) F tests by clubSandwich.
# Synthetic data: those of ../gee, in their unsorted order.
suppressMessages(library(clubSandwich))
data <- read.csv("../gee/data.csv")
data$team <- factor(data$team)

one <- function(fit, types, family = "gaussian", weights = NULL, joint = NULL, ...) {
  tests <- lapply(setNames(types, tolower(sub("S$", "s", types))), function(type) {
    v <- vcovCR(fit, cluster = data$team, type = type, ...)
    table <- coef_test(fit, vcov = v, test = "Satterthwaite")
    several <- if (!is.null(joint)) Wald_test(fit, constrain_zero(joint), vcov = v, test = "HTZ")
    list(std_error = table$SE, df = table$df_Satt, p_value = table$p_Satt,
      joint = if (!is.null(joint)) list(statistic = several$Fstat, df = several$df_denom, p_value = several$p_val))
  })
  list(formula = paste(deparse(formula(fit), 500), collapse = ""), family = family, weights = weights,
    term = names(coef(fit)), estimate = unname(coef(fit)), joint = names(coef(fit))[joint], tests = tests)
}

exact <- glm.control(epsilon = 1e-14)
everything <- c("CR0", "CR1", "CR1S", "CR2", "CR3")
cases <- list(
  one(lm(score ~ arm + age, data), everything, joint = 2:3),
  one(lm(score ~ arm * ward + age, data), everything, joint = c(2, 5)),
  one(lm(score ~ arm + age, data, weights = times), c("CR0", "CR1", "CR3"), weights = "times", target = mean(data$times) / data$times,
    inverse_var = TRUE),
  one(glm(readmitted ~ arm + age, binomial, data, control = exact), c("CR0", "CR1", "CR3"), "binomial", joint = 2:3),
  one(glm(days ~ arm + age + offset(log(years)), poisson, data, control = exact), c("CR0", "CR1", "CR3"), "poisson", joint = 2:3),
  one(lm(score ~ age + age:arm + team, data), c("CR0", "CR1", "CR2")))
near <- list(
  one(glm(readmitted ~ arm + age, binomial, data, control = exact), "CR2", "binomial", joint = 2:3),
  one(glm(days ~ arm + age + offset(log(years)), poisson, data, control = exact), "CR2", "poisson", joint = 2:3),
  one(lm(score ~ arm + age, data, weights = times), "CR2", weights = "times", target = mean(data$times) / data$times,
    inverse_var = TRUE))
writeLines(jsonlite::toJSON(list(same = cases, near = near), digits = NA, auto_unbox = TRUE, pretty = TRUE, null = "null"),
  "expected.json")
