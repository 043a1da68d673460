"""Layer Lab: put a model together, clone it in two ways, and watch the three tests."""
