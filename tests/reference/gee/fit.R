# Marginal models by the packages gee and geepack; their corrections for few clusters from the formulas of the papers,
# with the matrices of all rows of a cluster. `cr2` is with the inverse root of I - H; `kc` as geesmv has it, with U'
# for the inverse of its eigenvectors U. Synthetic data: see simulate.py.
suppressMessages({library(gee); library(geepack)})
data <- read.csv("data.csv")
data <- data[order(data$team, data$visit), ]
data$team <- factor(data$team)

power <- function(a, exponent) { e <- eigen(a); Re(e$vectors %*% diag(e$values^exponent, nrow(a)) %*% solve(e$vectors)) }
unit_axes <- function(a, exponent) { e <- eigen(a); Re(e$vectors %*% diag(e$values^exponent, nrow(a)) %*% t(e$vectors)) }
family_of <- list(gaussian = gaussian(), binomial = binomial(), poisson = poisson())

corrected <- function(formula, family, beta, rho) {
  frame <- model.frame(formula, data)
  x <- model.matrix(formula, frame)
  eta <- drop(x %*% beta) + if (is.null(model.offset(frame))) 0 else model.offset(frame)
  mu <- family$linkinv(eta); d <- x * family$mu.eta(eta); r <- model.response(frame) - mu
  scale <- sum(r^2 / family$variance(mu)) / (length(r) - ncol(x))
  clusters <- lapply(split(seq_along(r), data$team), function(i) {
    correlation <- matrix(rho, length(i), length(i)); diag(correlation) <- 1
    s <- sqrt(scale * family$variance(mu[i]))
    list(d = d[i, , drop = FALSE], r = r[i], w = solve(correlation * outer(s, s)))
  })
  m <- solve(Reduce(`+`, lapply(clusters, function(k) t(k$d) %*% k$w %*% k$d)))
  sandwich <- function(score) {
    m %*% Reduce(`+`, lapply(clusters, function(k) tcrossprod(score(k)))) %*% m
  }
  plain <- function(k) t(k$d) %*% k$w %*% k$r
  rest <- function(k) diag(length(k$r)) - k$d %*% m %*% t(k$d) %*% k$w
  cr2 <- sandwich(function(k) t(k$d) %*% k$w %*% power(rest(k), -1 / 2) %*% k$r)
  kc <- sandwich(function(k) t(k$d) %*% k$w %*% unit_axes(rest(k), -1 / 2) %*% k$r)
  md <- sandwich(function(k) t(k$d) %*% k$w %*% solve(rest(k)) %*% k$r)
  fg <- sandwich(function(k) plain(k) / sqrt(1 - pmin(0.75, diag(t(k$d) %*% k$w %*% k$d %*% m))))
  none <- sandwich(plain)
  n <- length(r); p <- ncol(x); j <- length(clusters)
  xi <- max(1, sum(diag(solve(m) %*% none)) / p)
  mbn <- (n - 1) / (n - p) * j / (j - 1) * none + min(1 / 2, p / (j - p)) * xi * m
  errors <- lapply(list(none = none, cr2 = cr2, kc = kc, md = md, fg = fg, mbn = mbn), function(v) sqrt(diag(v)))
  c(errors, list(avg = (errors$cr2 + errors$md) / 2))
}

exchangeable <- function(formula, family) {
  sink(nullfile())
  fit <- suppressMessages(eval(bquote(gee(.(formula), id = team, data = data, family = .(as.name(family)),
    corstr = "exchangeable", tol = 1e-12, maxiter = 200))))
  sink()
  rho <- fit$working.correlation[1, 2]
  list(formula = paste(deparse(formula, 500), collapse = ""), family = family, correlation = "exchangeable",
    term = names(coef(fit)), estimate = unname(coef(fit)), rho = rho,
    robust = unname(sqrt(diag(fit$robust.variance))),
    std_error = lapply(corrected(formula, family_of[[family]], coef(fit), rho), unname))
}

by_geepack <- function(formula, family, corstr, name) {
  fit <- eval(bquote(geeglm(.(formula), id = team, data = data, family = .(as.name(family)), corstr = .(corstr),
    control = geese.control(epsilon = 1e-12, maxit = 500))))
  list(formula = paste(deparse(formula, 500), collapse = ""), family = family, correlation = name,
    term = names(coef(fit)), estimate = unname(coef(fit)), rho = unname(fit$geese$alpha),
    robust = unname(sqrt(diag(fit$geese$vbeta))))
}

cases <- list(
  exchangeable(score ~ arm + age, "gaussian"),
  exchangeable(readmitted ~ arm + age, "binomial"),
  exchangeable(days ~ arm + age + offset(log(years)), "poisson"),
  by_geepack(readmitted ~ arm + age, "binomial", "independence", "independence"),
  by_geepack(days ~ arm + age + offset(log(years)), "poisson", "independence", "independence"))
writeLines(jsonlite::toJSON(cases, digits = NA, auto_unbox = TRUE, pretty = TRUE), "expected.json")
