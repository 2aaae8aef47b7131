# Profile-likelihood intervals, likelihood-ratio tests and tests of variances by lme4 and lmerTest.
# Synthetic data: those of ../lmm, and growth.csv, whose slopes differ enough for their correlation to be known.
suppressMessages({library(lme4); library(lmerTest)})
data <- read.csv("../lmm/data.csv", stringsAsFactors = TRUE)
growth <- read.csv("growth.csv", stringsAsFactors = TRUE)
control <- lmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-10, maxfun = 1e6),
  check.conv.grad = "ignore", check.conv.hess = "ignore", check.conv.singular = "ignore")
fitted <- function(formula, reml = TRUE, rows = quote(data))
  suppressMessages(do.call(lmer, list(formula, rows, REML = reml, control = control)))
text <- function(formula) paste(deparse(formula, 500), collapse = "")

profiled <- function(formula, rows = quote(data)) {
  fit <- fitted(formula, rows = rows)
  limits <- suppressWarnings(confint(fit, method = "profile", oldNames = FALSE, devtol = 1e-6, quiet = TRUE))
  list(formula = text(formula), data = deparse(rows), parameter = rownames(limits), low = limits[, 1], high = limits[, 2])
}
compared <- function(small, large, reml = TRUE, refit = TRUE) {
  table <- suppressMessages(anova(fitted(small, reml), fitted(large, reml), refit = refit))
  list(small = text(small), large = text(large), reml = reml, refit = refit, npar = table$npar, aic = table$AIC,
    loglik = table$logLik, statistic = table$Chisq[2], df = table$Df[2], p_value = table[["Pr(>Chisq)"]][2])
}
without <- function(formula, reml = TRUE) {
  table <- suppressMessages(ranova(fitted(formula, reml), reduce.terms = FALSE))
  list(formula = text(formula), reml = reml, loglik = table$logLik, statistic = table$LRT[-1], df = table$Df[-1],
    p_value = table[["Pr(>Chisq)"]][-1])
}

cases <- list(
  intervals = list(
    profiled(score ~ arm + baseline + (1 | team)), profiled(score ~ arm * month + (month | team), quote(growth)),
    profiled(score ~ arm + month + (1 | team) + (1 | rater)), profiled(score ~ arm + month + (1 | team/person)),
    profiled(noise ~ arm + (1 | team)), profiled(score ~ arm + month + (month || team))),
  ratios = list(
    compared(score ~ age + (1 | team), score ~ arm + age + (1 | team)),
    compared(score ~ age + (1 | team), score ~ arm * age + month + (1 | team), FALSE),
    compared(score ~ arm + month + (1 | team), score ~ arm + month + (month | team), refit = FALSE)),
  variances = list(
    without(score ~ arm + month + (1 | team)), without(score ~ arm + month + (1 | team) + (1 | rater)),
    without(score ~ arm + month + (1 | team) + (1 | rater), FALSE), without(score ~ arm * month + (month | team)),
    without(noise ~ arm + (1 | team)))
)
writeLines(jsonlite::toJSON(cases, auto_unbox = TRUE, digits = NA, pretty = TRUE, na = "null"), "expected.json")
