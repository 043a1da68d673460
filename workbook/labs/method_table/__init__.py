"""Every method on many kinds of models, with a verdict in each cell."""
