# Variation between clusters of a proportion and of a rate. The beta-binomial variance is summed over every count that a
# cluster can have; limits and k by uniroot(). Synthetic data.
data <- read.csv("data.csv")

proportion <- function(group) {
  n <- data$people
  y <- data$readmitted
  total <- ave(n, group, FUN = sum)
  p <- ave(y, group, FUN = sum) / total
  clusters <- ave(n, group, FUN = length)
  first <- !duplicated(group)
  b <- sum(((total - clusters) * p * (1 - p))[first])
  rho <- 1 - sum(y * (n - y) / n) / b
  people <- data.frame(
    y = unlist(mapply(function(y, n) rep(1:0, c(y, n - y)), y, n, SIMPLIFY = FALSE)),
    team = factor(rep(data$team, n)), group = factor(rep(group, n))
  )
  fixed <- if (length(unique(group)) > 1) y ~ group else y ~ 1
  table <- anova(lm(fixed, people), lm(update(fixed, . ~ . + team), people))
  n0 <- (sum(n) - sum(tapply(n, group, function(m) sum(m^2) / sum(m)))) / table$Df[2]
  variance <- function(r, density) {
    each <- sapply(seq_along(n), function(i) {
      d <- (1 - r) * (total[i] - clusters[i]) * (1 - 2 * p[i]) / total[i]
      k <- 0:n[i]
      change <- -k * (n[i] - k) / n[i] + d * k
      w <- density(k, n[i], p[i], r)
      sum(w * change^2) - sum(w * change)^2
    })
    sum(each) / b^2
  }
  beta_binomial <- function(k, n, p, r) {
    if (r == 0) return(dbinom(k, n, p))
    theta <- (1 - r) / r
    exp(lchoose(n, k) + lbeta(k + p * theta, n - k + (1 - p) * theta) - lbeta(p * theta, (1 - p) * theta))
  }
  common <- function(k, n, p, r) (1 - r) * dbinom(k, n, p) + r * ((k == 0) * (1 - p) + (k == n) * p)
  limits <- function(density) {
    refuted <- function(r) (rho - r)^2 - qnorm(0.975)^2 * variance(r, density)
    low <- if (refuted(0) > 0) uniroot(refuted, c(0, rho), tol = 1e-13)$root else 0
    c(low, uniroot(refuted, c(rho, 0.99), tol = 1e-13)$root)
  }
  list(
    fleiss_cuzick = rho, anova = (table$F[2] - 1) / (table$F[2] - 1 + n0),
    beta_binomial = limits(beta_binomial), zou_donner = limits(common)
  )
}

rate <- function(group) {
  rates <- data$admissions / data$person_years
  df <- nrow(data) - length(unique(group))
  q <- function(squared) {
    total <- 0
    for (g in unique(group)) {
      r <- rates[group == g]
      t <- data$person_years[group == g]
      mean <- uniroot(function(m) sum((r - m) * t / (1 + squared * m * t)), range(r), tol = 1e-14)$root
      total <- total + sum((r - mean)^2 / (mean / t + squared * mean^2))
    }
    total
  }
  k <- function(target) sqrt(uniroot(function(squared) q(squared) - target, c(0, 50), tol = 1e-14)$root)
  list(k = k(df), q_profile = c(k(qchisq(0.975, df)), k(qchisq(0.025, df))))
}

cases <- list()
for (name in c("within arms", "overall")) {
  group <- if (name == "overall") rep(1, nrow(data)) else data$arm
  cases[[name]] <- c(list(within = if (name == "overall") NA else "arm"), proportion(group), rate(group))
}
writeLines(jsonlite::toJSON(cases, auto_unbox = TRUE, digits = NA, pretty = TRUE, na = "null"), "expected.json")
