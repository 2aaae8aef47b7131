# Joint F tests by lmerTest (Satterthwaite, type III) and pbkrtest (Kenward-Roger). The synthetic data of ../lmm.
suppressMessages({library(lmerTest); library(pbkrtest)})
data <- read.csv("../lmm/data.csv", stringsAsFactors = TRUE)
data$visit <- factor(data$month)
control <- lme4::lmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-10, maxfun = 1e6),
  check.conv.grad = "ignore", check.conv.hess = "ignore", check.conv.singular = "ignore")

table <- function(frame) data.frame(num_df = frame$NumDF, df = frame$DenDF, statistic = frame[["F value"]],
  p_value = frame[["Pr(>F)"]])
one <- function(formula, contrast = NULL, rows = data) {
  fit <- suppressMessages(lmer(formula, rows, control = control))
  both <- function(f) lapply(list("satterthwaite" = "Satterthwaite", "kenward-roger" = "Kenward-Roger"), f)
  list(
    formula = paste(deparse(formula, 500), collapse = ""), terms = rownames(anova(fit)),
    anova = both(function(ddf) suppressMessages(table(anova(fit, ddf = ddf)))),
    contrast = contrast, test = if (!is.null(contrast)) both(function(ddf) table(contestMD(fit, contrast, ddf = ddf)))
  )
}

cases <- list(
  "factors" = one(score ~ arm * visit + rater + age + (1 | team), rbind(
    c(0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0), c(0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0), c(0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1))),
  "random slopes" = one(score ~ arm * month + baseline + (month | team), rbind(
    c(0, 1, 0, 0, 0), c(0, 0, 0, 1, 0), c(0, 0, 0, 0, 1))),
  "a number in an interaction" = one(score ~ arm * age + visit * rater + (1 | team) + (1 | person)),
  "combinations that do not occur" = one(score ~ arm * visit + rater + (1 | team),
    rows = subset(data, !(arm == "control" & month == 6)))
)
writeLines(jsonlite::toJSON(cases, auto_unbox = TRUE, digits = NA, pretty = TRUE, na = "null"), "expected.json")
