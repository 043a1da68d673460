"""Interrupted training: stop, save, load, and continue."""
