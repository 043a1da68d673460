"""Tries the claims on older TensorFlows: what `run.py versions` does after the set-up."""
