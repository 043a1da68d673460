"""Two posteriors: a Bayesian model and its clone, each with what it has learned."""
