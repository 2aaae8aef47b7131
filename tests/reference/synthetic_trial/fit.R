# Models of the embedded synthetic trial: two mixed models by lme4, lmerTest (Satterthwaite) and pbkrtest (Kenward-Roger),
# and a model for repeated measures with unstructured covariance by nlme::gls. Satterthwaite and Kenward-Roger of the
# last are written out below with n by n matrices, in the covariances themselves, from the observed information.
suppressMessages({library(nlme); library(lmerTest); library(pbkrtest); library(jsonlite)})

table_of <- function(estimate, std_error, df) {
  data.frame(term = names(estimate), estimate = unname(estimate), std_error = unname(std_error), df = unname(df),
    p_value = 2 * pt(-abs(unname(estimate / std_error)), unname(df)))
}

mixed <- function(formula, data) {
  fit <- lmer(formula, data, control = lmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-12)))
  rows <- lapply(c("Satterthwaite", "Kenward-Roger"), function(ddf) coef(summary(fit, ddf = ddf)))
  tables <- lapply(rows, function(r) table_of(r[, "Estimate"], r[, "Std. Error"], r[, "df"]))
  list(loglik = as.numeric(logLik(fit)), covariance = as.data.frame(VarCorr(fit))$vcov,
    tables = setNames(tables, c("satterthwaite", "kenward-roger")))
}

repeated <- function(formula, data) {
  data <- droplevels(na.omit(data))
  data <- data[order(data$team, data$timepoint), ]
  data$visit <- as.integer(factor(data$timepoint))
  fit <- gls(formula, data, corSymm(form = ~ visit | team), varIdent(form = ~ 1 | visit),
    control = glsControl(msTol = 1e-13, tolerance = 1e-13, msMaxIter = 1000, maxIter = 1000))
  k <- max(data$visit)
  complete <- names(which(table(data$team) == k))[1]
  sd <- fit$sigma / varWeights(fit$modelStruct$varStruct)[data$team == complete]
  sigma <- unname(corMatrix(fit$modelStruct$corStruct)[[complete]] * outer(sd, sd))
  same <- outer(as.character(data$team), as.character(data$team), "==")
  pairs <- which(upper.tri(sigma, diag = TRUE), arr.ind = TRUE)
  of_pair <- function(i) {
    e <- matrix(0, k, k)
    e[pairs[i, 1], pairs[i, 2]] <- e[pairs[i, 2], pairs[i, 1]] <- 1
    e[data$visit, data$visit] * same
  }
  slopes <- lapply(seq_len(nrow(pairs)), of_pair)
  x <- model.matrix(formula, data)
  for (step in 1:5) {  # Newton steps, because gls stops at about 1e-6
    at <- derivatives(x, data$fidelity, sigma[data$visit, data$visit] * same, slopes)
    sigma[pairs] <- sigma[pairs] + drop(at$w %*% at$score)
    sigma[pairs[, 2:1]] <- sigma[pairs]
  }
  list(loglik = as.numeric(logLik(fit)), covariance = sigma[upper.tri(sigma, diag = TRUE)],
    tables = dense(x, data$fidelity, sigma[data$visit, data$visit] * same, slopes))
}

# The restricted likelihood's score and the inverse of its observed information, in the covariances
derivatives <- function(x, y, v, slopes) {
  vi <- solve(v)
  p <- vi - vi %*% x %*% solve(t(x) %*% vi %*% x) %*% t(x) %*% vi
  score <- sapply(slopes, function(a) (drop(t(y) %*% p %*% a %*% p %*% y) - sum(p * a)) / 2)
  pairwise <- function(f) outer(seq_along(slopes), seq_along(slopes), Vectorize(function(i, j) f(slopes[[i]], slopes[[j]])))
  information <- pairwise(function(a, b) drop(t(y) %*% p %*% a %*% p %*% b %*% p %*% y) - sum((p %*% a) * t(p %*% b)) / 2)
  list(score = score, w = solve((information + t(information)) / 2))
}

dense <- function(x, y, v, slopes) {
  vi <- solve(v)
  phi <- solve(t(x) %*% vi %*% x)
  beta <- drop(phi %*% t(x) %*% vi %*% y)
  w <- derivatives(x, y, v, slopes)$w
  first <- lapply(slopes, function(a) -t(x) %*% vi %*% a %*% vi %*% x)
  adjust <- 0
  for (i in seq_along(slopes)) for (j in seq_along(slopes)) {
    q <- t(x) %*% vi %*% slopes[[i]] %*% vi %*% slopes[[j]] %*% vi %*% x
    adjust <- adjust + w[i, j] * (q - first[[i]] %*% phi %*% first[[j]])
  }
  adjusted <- phi + 2 * phi %*% adjust %*% phi
  gradient <- sapply(first, function(f) -diag(phi %*% f %*% phi))
  df <- 2 * diag(phi)^2 / rowSums((gradient %*% w) * gradient)  # for one contrast Kenward-Roger's is the same
  list(satterthwaite = table_of(beta, sqrt(diag(phi)), df), "kenward-roger" = table_of(beta, sqrt(diag(adjusted)), df))
}

patients <- read.csv("patients.csv")
panel <- read.csv("panel.csv")
write_json(list(
  satisfaction = mixed(csq8_total ~ intervention + csq8_total_baseline + trust + (1 | team), patients),
  fidelity = mixed(fidelity ~ month_12:intervention + month_6 + month_12 + trust + (1 | team), panel),
  repeated = repeated(fidelity ~ month_6 + month_12 + month_12:intervention, panel)
), "expected.json", digits = NA, auto_unbox = TRUE, pretty = TRUE)
