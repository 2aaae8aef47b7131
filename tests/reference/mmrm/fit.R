# A synthetic cohort of patients in teams over four visits, some missed, fitted by nlme::gls and nlme::lme; where the
# covariance is that of random intercepts, also by lmerTest (Satterthwaite) and pbkrtest (Kenward-Roger).
suppressMessages({library(nlme); library(lme4); library(lmerTest); library(pbkrtest)})

set.seed(20240611)
n <- 90
visits <- c(m00 = 0, m03 = 3, m06 = 6, m12 = 12)
team <- sort(rep_len(1:9, n))
arm <- ifelse(team %% 2 == 1, "intervention", "control")
base <- round(rnorm(n, 25, 4), 1)
noise <- t(apply(matrix(rnorm(4 * n, sd = c(2, 2, 2.5, 3)), n, byrow = TRUE), 1, cumsum)) + rnorm(n, sd = 2)
full <- data.frame(
  team = rep(sprintf("T%02d", team), 4), patient = rep(sprintf("P%03d", 1:n), 4), visit = rep(names(visits), each = n),
  month = rep(visits, each = n), arm = rep(arm, 4), base = rep(base, 4),
  score = round(10 + 0.5 * rep(base, 4) + 0.3 * rep(visits, each = n) + 0.4 * rep(arm == "intervention", 4) *
    rep(visits, each = n) + as.vector(noise) + rep(rnorm(9, sd = 1.5)[team], 4), 2)
)
full$score[runif(4 * n) < rep(c(0.05, 0.15, 0.25, 0.35), each = n)] <- NA
full <- full[sample(nrow(full)), ]
write.csv(full, "data.csv", row.names = FALSE)

data <- na.omit(read.csv("data.csv", stringsAsFactors = TRUE))
data <- data[order(data$patient, data$visit), ]
data$index <- as.integer(data$visit)
formula <- score ~ base + arm * visit
per_visit <- varIdent(form = ~ 1 | visit)
cases <- list()

matrix_of <- function(fit, patient) {
  sd <- fit$sigma / varWeights(fit$modelStruct$varStruct)
  correlation <- corMatrix(fit$modelStruct$corStruct)[[patient]]
  rows <- which(data$patient == patient)
  unname(correlation * outer(sd[rows], sd[rows]))
}
complete <- names(which(table(data$patient) == 4))[1]

add <- function(covariance, correlation, weights, reml) {
  fit <- gls(formula, data, correlation, weights, method = if (reml) "REML" else "ML",
    control = glsControl(msTol = 1e-12, tolerance = 1e-12, msMaxIter = 500, maxIter = 500))
  if (is.null(fit$modelStruct$varStruct)) {
    rows <- sum(data$patient == complete)
    sigma <- corMatrix(fit$modelStruct$corStruct)[[complete]] * fit$sigma^2
  } else {
    sigma <- matrix_of(fit, complete)
  }
  cases[[length(cases) + 1]] <<- list(
    covariance = covariance, reml = reml, loglik = as.numeric(logLik(fit)), estimate = unname(coef(fit)),
    std_error = unname(sqrt(diag(vcov(fit)))), matrix = unname(sigma)
  )
}
for (reml in c(TRUE, FALSE)) {
  add("us", corSymm(form = ~ index | patient), per_visit, reml)
  add("cs", corCompSymm(form = ~ 1 | patient), NULL, reml)
  add("csh", corCompSymm(form = ~ 1 | patient), per_visit, reml)
  add("ar1", corAR1(form = ~ index | patient), NULL, reml)
  add("ar1h", corAR1(form = ~ index | patient), per_visit, reml)
  add("sp_exp", corExp(form = ~ month | patient), NULL, reml)
}

clustered <- lapply(c(TRUE, FALSE), function(reml) {
  fit <- lme(formula, data, ~ 1 | team, corSymm(form = ~ index | team/patient), per_visit,
    method = if (reml) "REML" else "ML",
    control = lmeControl(msTol = 1e-12, tolerance = 1e-12, msMaxIter = 500, maxIter = 500, opt = "optim",
      optimMethod = "BFGS", reltol = 1e-14))
  list(covariance = "us", reml = reml, loglik = as.numeric(logLik(fit)), estimate = unname(fixef(fit)),
    cluster = as.numeric(VarCorr(fit)[1, 1]))
})

random <- lmerTest::lmer(score ~ base + arm * visit + (1 | team) + (1 | patient), data,
  control = lmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-10, maxfun = 1e5)))
rows <- function(ddf) {
  table <- coef(summary(random, ddf = ddf))
  list(std_error = unname(table[, "Std. Error"]), df = unname(table[, "df"]))
}
nested <- list(
  loglik = as.numeric(logLik(random)), estimate = unname(fixef(random)), satterthwaite = rows("Satterthwaite"),
  kenward_roger = rows("Kenward-Roger"), variances = as.data.frame(VarCorr(random))$vcov
)

writeLines(jsonlite::toJSON(list(subjects = cases, clusters = clustered, nested = nested), auto_unbox = TRUE,
  digits = NA, pretty = TRUE), "expected.json")
