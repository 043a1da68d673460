"""Layer Lab: assemble a model, clone it in two ways, and watch the three tests."""
