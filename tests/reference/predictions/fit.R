# Conditional modes with their standard deviations, predictions and residuals by lme4. The synthetic data of ../lmm.
suppressMessages(library(lme4))
data <- read.csv("../lmm/data.csv", stringsAsFactors = TRUE)
control <- lmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-10, maxfun = 1e6),
  check.conv.grad = "ignore", check.conv.hess = "ignore", check.conv.singular = "ignore")
new <- data.frame(arm = c("control", "intervention", "intervention", "control"), month = c(0, 6, 18, 3),
  age = c(30, 45, 60, 22), team = c("T00", "T07", "unseen", "T24"), rater = c("R0", "unseen", "R3", "R5"),
  person = c("P000", "unseen", "unseen", "P150"))

one <- function(formula) {
  fit <- suppressMessages(lmer(formula, data, control = control))
  modes <- as.data.frame(ranef(fit, condVar = TRUE))
  list(
    formula = paste(deparse(formula, 500), collapse = ""),
    modes = list(group = modes$grpvar, term = modes$term, level = modes$grp, mode = modes$condval,
      std_error = modes$condsd),
    population = predict(fit, new, re.form = NA),
    conditional = predict(fit, new, allow.new.levels = TRUE),
    conditional_residuals = head(residuals(fit), 20),
    pearson_residuals = head(residuals(fit, "pearson", scaled = TRUE), 20),
    marginal_residuals = head(data$score - predict(fit, re.form = NA), 20)
  )
}
cases <- list(
  one(score ~ arm + month + (1 | team)), one(score ~ arm * month + age + (month | team)),
  one(score ~ arm + month + (1 | team/person)), one(score ~ arm + I(month^2) + (month | team) + (1 | rater)),
  one(score ~ arm + month + (month || team))
)
writeLines(jsonlite::toJSON(list(new = new, cases = cases), auto_unbox = TRUE, digits = NA, pretty = TRUE, na = "null"),
  "expected.json")
