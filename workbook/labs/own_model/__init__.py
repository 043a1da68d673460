"""A reader's own model, and every way to clone it."""
