"""Birth of weights: when variables come into being, on both Keras versions."""
