"""A model as a module: notebook 03 saves one, and loads it in processes that know this module, or do not."""

import keras

__all__ = ["Reader"]


@keras.saving.register_keras_serializable(package="workbook")
class Reader(keras.Model):
    """A classifier of digits, for Keras 3.

    Args:
        units: How many units its hidden layer has.
        **kwargs: Those of every model.
    """

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.flatten = keras.layers.Flatten()
        self.hidden = keras.layers.Dense(units, activation="relu")
        self.head = keras.layers.Dense(10)

    def call(self, inputs):
        """Return the logits of the ten digits."""
        return self.head(self.hidden(self.flatten(inputs)))

    def get_config(self):
        """Return the arguments of the constructor."""
        return {**super().get_config(), "units": self.units}
