"""Two posteriors: a Bayesian model and its clone."""
