"""Models as public examples write them, and not with the bench in mind, for the bench to be tried on.

Each maker takes a Keras package and returns (model, inputs or None to have them inferred).
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf


def application(name, **options):
    """A maker of a model of keras.applications, small and with random weights."""

    def make(keras):
        model = getattr(keras.applications, name)(weights=None, input_shape=(32, 32, 3), classes=4, **options)
        return model, None

    make.__name__ = name
    return make


def transformer(keras):
    """A text classifier with a transformer block, as classes without get_config."""
    layers = keras.layers

    class TransformerBlock(layers.Layer):
        def __init__(self, width, heads, hidden, rate=0.1):
            super().__init__()
            self.attention = layers.MultiHeadAttention(num_heads=heads, key_dim=width)
            self.feed_forward = keras.Sequential([layers.Dense(hidden, activation="relu"), layers.Dense(width)])
            self.norms = [layers.LayerNormalization(epsilon=1e-6) for _ in range(2)]
            self.dropouts = [layers.Dropout(rate) for _ in range(2)]

        def call(self, inputs, training=False):
            attended = self.dropouts[0](self.attention(inputs, inputs), training=training)
            first = self.norms[0](inputs + attended)
            return self.norms[1](first + self.dropouts[1](self.feed_forward(first), training=training))

    class TokenAndPosition(layers.Layer):
        def __init__(self, length, words, width):
            super().__init__()
            self.tokens = layers.Embedding(input_dim=words, output_dim=width)
            self.positions = layers.Embedding(input_dim=length, output_dim=width)

        def call(self, inputs):
            return self.tokens(inputs) + self.positions(tf.range(tf.shape(inputs)[-1]))

    inputs = layers.Input(shape=(8,))
    hidden = TransformerBlock(6, 2, 6)(TokenAndPosition(8, 50, 6)(inputs))
    hidden = layers.Dropout(0.1)(layers.GlobalAveragePooling1D()(hidden))
    model = keras.Model(inputs, layers.Dense(2, activation="softmax")(hidden))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    x = np.random.default_rng(0).integers(0, 50, (64, 8))
    model.fit(x, np.arange(64) % 2, verbose=0)
    return model, None


def gan(keras):
    """A GAN as one class: a train_step with two optimizers, and no call."""
    layers = keras.layers

    class GAN(keras.Model):
        def __init__(self, discriminator, generator, latent_dim):
            super().__init__()
            self.discriminator, self.generator, self.latent_dim = discriminator, generator, latent_dim

        def compile(self, d_optimizer, g_optimizer, loss_fn):
            super().compile()
            self.d_optimizer, self.g_optimizer, self.loss_fn = d_optimizer, g_optimizer, loss_fn

        def train_step(self, real):
            count = tf.shape(real)[0]
            noise = tf.random.normal((count, self.latent_dim))
            labels = tf.concat([tf.ones((count, 1)), tf.zeros((count, 1))], 0)
            with tf.GradientTape() as tape:
                loss = self.loss_fn(labels, self.discriminator(tf.concat([self.generator(noise), real], 0)))
            weights = self.discriminator.trainable_weights
            self.d_optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
            with tf.GradientTape() as tape:
                loss = self.loss_fn(tf.zeros((count, 1)), self.discriminator(self.generator(noise)))
            weights = self.generator.trainable_weights
            self.g_optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
            return {"g_loss": loss}

    critic = keras.Sequential([layers.Input((8, 8, 1)), layers.Conv2D(4, 3, strides=2), layers.LeakyReLU()])
    critic.add(layers.GlobalMaxPooling2D())
    critic.add(layers.Dense(1))
    maker = keras.Sequential([layers.Input((3,)), layers.Dense(64), layers.Reshape((8, 8, 1))])
    model = GAN(critic, maker, 3)
    model.compile(keras.optimizers.Adam(), keras.optimizers.Adam(), keras.losses.BinaryCrossentropy(from_logits=True))
    model.fit(np.random.default_rng(0).uniform(size=(64, 8, 8, 1)).astype("float32"), batch_size=32, verbose=0)
    return model, None


def vae(keras):
    """A variational autoencoder as one class with two parts, its own train_step and metrics, and a call."""
    layers = keras.layers

    class Sampling(layers.Layer):
        def call(self, inputs):
            mean, log_variance = inputs
            return mean + tf.exp(0.5 * log_variance) * tf.random.normal(tf.shape(mean))

    class VAE(keras.Model):
        def __init__(self, encoder, decoder, **kwargs):
            super().__init__(**kwargs)
            self.encoder, self.decoder = encoder, decoder
            self.total_loss_tracker = keras.metrics.Mean(name="total_loss")

        @property
        def metrics(self):
            return [self.total_loss_tracker]

        def call(self, inputs):
            return self.decoder(self.encoder(inputs)[0])

        def train_step(self, data):
            with tf.GradientTape() as tape:
                mean, log_variance, sample = self.encoder(data)
                error = tf.reduce_mean(tf.reduce_sum(tf.square(data - self.decoder(sample)), 1))
                divergence = -0.5 * (1 + log_variance - tf.square(mean) - tf.exp(log_variance))
                loss = error + tf.reduce_mean(tf.reduce_sum(divergence, 1))
            weights = self.trainable_weights
            self.optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
            self.total_loss_tracker.update_state(loss)
            return {"loss": self.total_loss_tracker.result()}

    inputs = keras.Input((6,))
    hidden = layers.Dense(5, activation="relu")(inputs)
    mean, log_variance = layers.Dense(2, name="z_mean")(hidden), layers.Dense(2, name="z_log_var")(hidden)
    encoder = keras.Model(inputs, [mean, log_variance, Sampling()([mean, log_variance])], name="encoder")
    decoder = keras.Sequential([layers.Input((2,)), layers.Dense(5, activation="relu"), layers.Dense(6)])
    x = np.random.default_rng(0).uniform(size=(64, 6)).astype("float32")
    model = VAE(encoder, decoder)
    model.compile(optimizer=keras.optimizers.Adam())
    model.fit(x, batch_size=32, verbose=0)
    model(x)
    return model, x


def recommender(keras):
    """A recommender of two towers with a StringLookup each, called with a dict of texts."""
    layers = keras.layers

    class Recommender(keras.Model):
        def __init__(self, users, films, **kwargs):
            super().__init__(**kwargs)
            self.towers = {}
            for name, words in (("user", users), ("film", films)):
                lookup = layers.StringLookup(vocabulary=words)
                self.towers[name] = [lookup, layers.Embedding(len(words) + 1, 4)]
            self.score = layers.Dense(1)

        def call(self, inputs):
            parts = [embedding(lookup(inputs[name])) for name, (lookup, embedding) in self.towers.items()]
            return self.score(tf.concat(parts, axis=-1))

    model = Recommender(["ann", "bob", "cy"], ["alien", "brazil"])
    x = {"user": tf.constant(["ann", "bob", "eve", "cy"] * 8), "film": tf.constant(["alien", "brazil"] * 16)}
    model.compile("adagrad", "mse")
    model(x)
    model.fit(x, np.linspace(1, 5, 32).astype("float32")[:, None], verbose=0)
    return model, x


def probabilistic_regression(keras):
    """A regression of TensorFlow Probability that answers with a distribution."""
    import tensorflow_probability as tfp

    distributions = tfp.distributions
    model = keras.Sequential(
        [
            keras.layers.Dense(1 + 1),
            tfp.layers.DistributionLambda(
                lambda t: distributions.Normal(loc=t[..., :1], scale=1e-3 + tf.math.softplus(0.05 * t[..., 1:]))
            ),
        ]
    )
    x = np.linspace(-1, 1, 64).astype("float32")[:, None]
    model.compile(optimizer=keras.optimizers.Adam(0.01), loss=lambda y, distribution: -distribution.log_prob(y))
    model.fit(x, 2 * x, verbose=0)
    return model, x


def with_own_parts(keras):
    """A model with a layer class and a loss of its author's own; the second thing returned is these, by name."""

    class Scale(keras.layers.Layer):
        def call(self, inputs):
            return 2 * inputs

    def my_loss(y_true, y_pred):
        return tf.reduce_mean(tf.square(y_true - y_pred))

    model = keras.Sequential([keras.layers.Input((2,)), keras.layers.Dense(2), Scale()])
    model.compile("sgd", my_loss)
    return model, {"Scale": Scale, "my_loss": my_loss}
