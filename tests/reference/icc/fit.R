# Intracluster correlation from anova() and lme4; limits from pf() of the F ratio, solved by uniroot(). Synthetic data.
data <- read.csv("data.csv", stringsAsFactors = TRUE)
data$intervention <- factor(data$intervention)
cases <- list()

one <- function(name, within) {
  fixed <- if (within) score ~ intervention else score ~ 1
  table <- anova(lm(fixed, data), lm(update(fixed, . ~ . + team), data))
  df <- c(table$Df[2], table$Res.Df[2])
  msw <- table$RSS[2] / df[2]
  f <- table$F[2]
  m <- as.vector(table(data$team))
  group <- if (within) tapply(as.integer(data$intervention), data$team, function(g) g[1]) else rep(1, length(m))
  n0 <- (sum(m) - sum(tapply(m, group, function(m) sum(m^2) / sum(m)))) / df[1]
  means <- as.vector(tapply(data$score, data$team, mean))
  wald <- function(theta) {
    fit <- if (within) lm(means ~ factor(group), weights = m / (1 + m * theta)) else
      lm(means ~ 1, weights = m / (1 + m * theta))
    deviance(fit) / df[1] / msw
  }
  rho <- function(theta) theta / (1 + theta)
  exact <- function(p) rho(uniroot(function(theta) pf(wald(theta), df[1], df[2]) - p, c(-0.99 / max(m), 100),
    tol = 1e-13)$root)
  searle <- function(p) rho((f / qf(p, df[1], df[2]) - 1) / n0)
  lme <- lme4::VarCorr(lme4::lmer(update(fixed, . ~ . + (1 | team)), data))
  variance <- c(attr(lme$team, "stddev")^2, attr(lme, "sc")^2)
  cases[[name]] <<- list(
    within = if (within) "intervention" else NA,
    anova = (f - 1) / (f - 1 + n0), reml = variance[[1]] / sum(variance),
    exact = c(exact(0.975), exact(0.025)), searle = c(searle(0.975), searle(0.025))
  )
}
one("within arms", TRUE)
one("overall", FALSE)

writeLines(jsonlite::toJSON(cases, auto_unbox = TRUE, digits = NA, pretty = TRUE, na = "null"), "expected.json")
