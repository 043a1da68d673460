"""Interrupted training: stop, save, load, and go on."""
