# Normalized residuals, log-likelihoods and their ratios of repeated measures by nlme. The synthetic data of ../mmrm.
suppressMessages(library(nlme))
data <- read.csv("../mmrm/data.csv", stringsAsFactors = TRUE)
data$month <- as.integer(data$visit)
data <- data[order(data$patient, data$month), ]
data <- data[complete.cases(data), ]
control <- glsControl(tolerance = 1e-10, msTol = 1e-12, maxIter = 500, msMaxIter = 500)
each <- varIdent(form = ~ 1 | visit)
structures <- list(cs = list(corCompSymm(form = ~ month | patient), NULL),
  csh = list(corCompSymm(form = ~ month | patient), each), ar1 = list(corAR1(form = ~ month | patient), NULL),
  ar1h = list(corAR1(form = ~ month | patient), each), us = list(corSymm(form = ~ month | patient), each))

one <- function(name, method) {
  fit <- gls(score ~ arm * visit, data, correlation = structures[[name]][[1]], weights = structures[[name]][[2]],
    method = method, control = control)
  list(covariance = name, reml = method == "REML", loglik = as.numeric(logLik(fit)),
    patient = head(as.character(data$patient), 30), visit = head(as.character(data$visit), 30),
    normalized = head(unname(residuals(fit, "normalized")), 30),
    pearson = head(unname(residuals(fit, "pearson")), 30))
}
fits <- unlist(lapply(names(structures), function(name) lapply(c("REML", "ML"), function(m) one(name, m))), FALSE)
writeLines(jsonlite::toJSON(fits, auto_unbox = TRUE, digits = NA, pretty = TRUE), "expected.json")
