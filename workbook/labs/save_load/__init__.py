"""Save here, load there: one model, a format, and a program that has other code."""
