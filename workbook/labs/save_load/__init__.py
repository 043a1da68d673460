"""Save here, load there: a model is saved in some format, and loaded by a program whose code may differ."""
