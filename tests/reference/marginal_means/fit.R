# Estimated marginal means and their differences by emmeans. The synthetic data of ../lmm.
suppressMessages({library(lmerTest); library(emmeans)})
emm_options(lmerTest.limit = 1e6, pbkrtest.limit = 1e6, msg.interaction = FALSE)
data <- read.csv("../lmm/data.csv", stringsAsFactors = TRUE)
data$visit <- factor(data$month)
data$treated <- as.integer(data$arm == "intervention")
control <- lme4::lmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-10, maxfun = 1e6),
  check.conv.grad = "ignore", check.conv.hess = "ignore", check.conv.singular = "ignore")
absent <- subset(data, !(arm == "control" & month == 6))

means <- function(fit, by, ddf, at = NULL, weights = "equal") {
  grid <- ref_grid(fit, at = at, lmer.df = ddf)
  emm <- emmeans(grid, by, weights = weights)
  frame <- as.data.frame(confint(emm))
  list(by = as.list(by), at = at, weights = weights, ddf = ddf, values = frame[by], estimate = frame$emmean,
    std_error = frame$SE, df = frame$df, conf_low = frame$lower.CL, conf_high = frame$upper.CL)
}
differences <- function(fit, of, by, ddf, weights = "equal") {
  emm <- emmeans(ref_grid(fit, lmer.df = ddf), c(of, by), weights = weights)
  frame <- as.data.frame(summary(pairs(emm, by = if (length(by)) by, reverse = TRUE, adjust = "none"),
    infer = c(TRUE, TRUE)))
  list(of = of, by = as.list(by), weights = weights, ddf = ddf, estimate = frame$estimate, std_error = frame$SE,
    df = frame$df, conf_low = frame$lower.CL, conf_high = frame$upper.CL, p_value = frame$p.value)
}
lmm <- function(formula, rows = quote(data)) suppressMessages(do.call(lmer, list(formula, rows, control = control)))
case <- function(formula, rows, means, differences = list())
  list(formula = paste(deparse(formula, 500), collapse = ""), without = identical(rows, absent), means = means,
    differences = differences)

by_visit <- score ~ arm * visit + rater + age + baseline + (1 | team)
fit <- lmm(by_visit)
cells <- lmm(score ~ arm * visit + rater + (1 | team), quote(absent))
number <- lmm(score ~ treated * month + I(month^2) + rater + (month | team))
cases <- list(
  "factors and numbers" = case(by_visit, data,
    list(means(fit, c("arm", "visit"), "kenward-roger"), means(fit, c("arm", "visit"), "satterthwaite"),
      means(fit, "arm", "kenward-roger"), means(fit, "arm", "kenward-roger", weights = "proportional"),
      means(fit, "visit", "kenward-roger", at = list(age = 30, rater = "R2"))),
    list(differences(fit, "arm", "visit", "kenward-roger"), differences(fit, "visit", c(), "satterthwaite"),
      differences(fit, "arm", c(), "kenward-roger", "proportional"))),
  "combinations that do not occur" = case(score ~ arm * visit + rater + (1 | team), absent,
    list(means(cells, c("arm", "visit"), "kenward-roger"), means(cells, "visit", "kenward-roger")),
    list(differences(cells, "arm", "visit", "kenward-roger"))),
  "numbers as variables" = case(score ~ treated * month + I(month^2) + rater + (month | team), data,
    list(means(number, "treated", "kenward-roger"),
      means(number, c("treated", "month"), "kenward-roger", at = list(month = c(0, 6, 12))))))
writeLines(jsonlite::toJSON(cases, auto_unbox = TRUE, digits = NA, pretty = TRUE, na = "null"), "expected.json")
