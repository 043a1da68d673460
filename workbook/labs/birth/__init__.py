"""Birth of weights: when variables are created, on both Keras versions."""
