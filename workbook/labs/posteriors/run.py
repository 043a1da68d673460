"""The lab "Two posteriors" without the lab: fit a posterior, clone it, train one or both, and watch how they part.

What is fitted is always the same: three weights of a linear regression, each with a normal distribution of its own. The
code that makes, clones and trains it is the text that the lab shows; it is this text that runs.
"""

from __future__ import annotations

import dataclasses
import functools
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from workbook import notebook
from workbook.labs.framework.run import Run, Stage

TRAIN = {"both": "both, alike", "original": "the original only", "clone": "the clone only"}
PRIORS = {"narrow": 0.1, "standard": 1.0, "wide": 5.0}
WEIGHTS = ("w1", "w2", "w3")
TRUTH = (0.8, -0.5, 0.3)
SAMPLES = 64


@dataclass(frozen=True)
class Kind:
    """One way to write the posterior.

    Attributes:
        label: Its name in words.
        body: Python source of the class.
        loss: Python source of the two lines that compute the loss.
    """

    label: str
    body: str
    loss: str

    @property
    def is_keras(self) -> bool:
        """Whether it is a model of Keras, and not only a module of TensorFlow."""
        return "tf_keras.Sequential" in self.body


_OF_LAYER = """\
answers = model(x, training=True)
loss = tf.reduce_mean(tf.square(y - answers)) / 0.5 + tf.add_n(model.losses)"""
_OF_DISTRIBUTION = """\
weights = {q}.sample()
loss = tf.reduce_mean(tf.square(y - tf.linalg.matvec(x, weights)[:, None])) / 0.5 + {kl}"""


def _layer(name: str) -> Kind:
    body = f"""\
class Posterior(tf_keras.Sequential):
    def __init__(self):
        layer = tfpl.{name}(
            1,
            bias_posterior_fn=None,
            kernel_prior_fn=lambda *arguments: tfd.Independent(tfd.Normal(tf.zeros([3, 1]), spread), 2),
            kernel_divergence_fn=lambda q, p, _: tfd.kl_divergence(q, p) / 64,
        )
        super().__init__([tf_keras.layers.Input((3,)), layer])
"""
    return Kind(f"{name} layer", body, _OF_LAYER)


_MODULE = """\
class Posterior(tf.Module):
    def __init__(self):
        super().__init__()
        {scale}
        self.q = tfd.Independent(tfd.Normal(tf.Variable(tf.zeros(3)), scale), 1)
        self.optimizer = tf_keras.optimizers.Adam(0.05)
        self.optimizer.build(self.q.trainable_variables)
"""
_Q_LOSS = _OF_DISTRIBUTION.format(q="model.q", kl="tfd.kl_divergence(model.q, prior) / 64")

KINDS = {
    "surrogate": Kind(
        "surrogate with a TransformedVariable",
        _MODULE.format(scale="scale = tfu.TransformedVariable(tf.fill([3], 0.5), tfb.Softplus())"),
        _Q_LOSS,
    ),
    "lost": Kind(
        "surrogate with softplus(tf.Variable)",
        _MODULE.format(scale="scale = tf.nn.softplus(tf.Variable(tf.zeros(3)))"),
        _Q_LOSS,
    ),
    "regularizer": Kind(
        "IndependentNormal layer with a KL regulariser",
        """\
class Posterior(tf_keras.Sequential):
    def __init__(self):
        pull = tfpl.KLDivergenceRegularizer(prior, weight=1 / 64)
        last = tfpl.IndependentNormal(3, activity_regularizer=pull)
        super().__init__([tf_keras.layers.Input((3,)), tfpl.VariableLayer(6), last])
""",
        _OF_DISTRIBUTION.format(q="model(x[:1])", kl="sum(model.losses)").replace(
            "weights = model(x[:1]).sample()", "weights = tf.convert_to_tensor(model(x[:1]))"
        ),
    ),
    "DenseFlipout": _layer("DenseFlipout"),
    "DenseReparameterization": _layer("DenseReparameterization"),
    "DenseLocalReparameterization": _layer("DenseLocalReparameterization"),
    "DenseVariational": Kind(
        "DenseVariational layer",
        """\
class Posterior(tf_keras.Sequential):
    def __init__(self):
        layer = tfpl.DenseVariational(
            1, self.posterior, self.prior, kl_weight=1 / 64, kl_use_exact=True, use_bias=False
        )
        super().__init__([tf_keras.layers.Input((3,)), layer])

    @staticmethod
    def posterior(kernel_size, bias_size, dtype):
        return tf_keras.Sequential([tfpl.VariableLayer(6), tfpl.IndependentNormal(3)])

    @staticmethod
    def prior(kernel_size, bias_size, dtype):
        return tf_keras.Sequential([tfpl.DistributionLambda(lambda inputs: prior)])
""",
        _OF_LAYER,
    ),
}

# Name -> label, code for a model of Keras, code for the module.
_CARRY = """\
for mine, theirs in zip(twin.optimizer.variables, original.optimizer.variables, strict=True):
    mine.assign(theirs)"""
_COMPILE = """\
twin.compile(tf_keras.optimizers.Adam(0.05))
twin.optimizer.build(twin.trainable_variables)"""
_MODEL_WEIGHTS = "twin = Posterior()\ntwin.set_weights(original.get_weights())"
_MODULE_WEIGHTS = """\
twin = Posterior()
for mine, theirs in zip(twin.q.variables, original.q.variables, strict=True):
    mine.assign(theirs)"""
_CLONE_MODEL = "twin = tf_keras.models.clone_model(original)"
METHODS = {
    "alias": ("a second name", "twin = original", "twin = original"),
    "copy": (
        "a new object on the same variables",
        f"twin = tf_keras.Sequential([tf_keras.layers.Input((3,)), *original.layers])\n{_COMPILE}",
        "twin = Posterior()\ntwin.q = original.q.copy()\ntwin.optimizer = tf_keras.optimizers.Adam(0.05)\n"
        "twin.optimizer.build(twin.q.trainable_variables)",
    ),
    "clone_model": ("clone_model", f"{_CLONE_MODEL}\n{_COMPILE}", _CLONE_MODEL),
    "clone_model_set_weights": (
        "clone_model + set_weights",
        f"{_CLONE_MODEL}\ntwin.set_weights(original.get_weights())\n{_COMPILE}",
        f"{_CLONE_MODEL}\ntwin.set_weights(original.get_weights())",
    ),
    "deepcopy": ("copy.deepcopy", "twin = copy.deepcopy(original)", "twin = copy.deepcopy(original)"),
    "class": ("the class again", f"twin = Posterior()\n{_COMPILE}", "twin = Posterior()"),
    "weights": ("the class + weights", f"{_MODEL_WEIGHTS}\n{_COMPILE}", _MODULE_WEIGHTS),
    "whole": (
        "the class + weights + optimizer",
        f"{_MODEL_WEIGHTS}\n{_COMPILE}\n{_CARRY}",
        f"{_MODULE_WEIGHTS}\n{_CARRY}",
    ),
    "clone": ("helpers.clone", "twin = helpers.clone(original)", "twin = helpers.clone(original)"),
}


@dataclass(frozen=True)
class Settings:
    """Everything that a run depends on.

    Args:
        kind: How the posterior is written, a key of ``KINDS``.
        prior: Spread of the prior, a key of ``PRIORS``.
        method: How it is cloned, a key of ``METHODS``.
        pretrain: Training steps before cloning.
        train: Who is trained after cloning: "both", "original" or "clone".
        steps: Training steps after cloning.
        seed: Of the draws.

    Example:
        >>> Settings().replace(method="alias").method
        'alias'
    """

    kind: str = "DenseFlipout"
    prior: str = "standard"
    method: str = "weights"
    pretrain: int = 6
    train: str = "both"
    steps: int = 20
    seed: int = 0

    def replace(self, **changes: Any) -> Settings:
        """Return a copy with some fields changed."""
        return dataclasses.replace(self, **changes)


@functools.lru_cache(maxsize=1)
def data() -> tuple[np.ndarray, np.ndarray]:
    """Return inputs (64, 3) and targets (64, 1) of the regression."""
    random = np.random.default_rng(1)
    x = random.normal(size=(SAMPLES, 3)).astype("float32")
    y = x @ np.array(TRUTH, "float32")[:, None] + 0.5 * random.normal(size=(SAMPLES, 1)).astype("float32")
    return x, y.astype("float32")


def divergence(mine: tuple[np.ndarray, np.ndarray], theirs: tuple[np.ndarray, np.ndarray]) -> float:
    """Return the KL divergence of one posterior from another, each a pair of means and spreads.

    Example:
        >>> divergence((np.zeros(2), np.ones(2)), (np.zeros(2), np.ones(2)))
        0.0
    """
    if all(map(np.array_equal, mine, theirs)):
        return 0.0
    (m1, s1), (m2, s2) = ([np.asarray(part, np.float64) for part in each] for each in (mine, theirs))
    with np.errstate(all="ignore"):
        parts = np.log(s2 / s1) + (s1**2 + (m1 - m2) ** 2) / (2 * s2**2) - 0.5
    # Rounding must not make 0 of what is not the same.
    return max(float(np.sum(parts)), 1e-300) if np.all(np.isfinite(parts)) else float("nan")


def is_same(kl: float) -> bool:
    """Return True if a KL divergence is 0 exactly: both posteriors are computed by the same arithmetic."""
    return kl == 0.0


class TwoPosteriors(Run):
    """A run of one setting.

    Args:
        settings: What to run.

    Attributes:
        posteriors: Means and spreads of the original and of the clone, as pairs of arrays.
        between: KL divergence of the two at each step since the cloning.
        moved: For each of the two, the KL divergence from where it was when it was cloned.
        shared: Whether the two have variables in common.

    Example:
        >>> run = TwoPosteriors(Settings(steps=0))
        >>> for stage in run.stages():  # doctest: +SKIP
        ...     pass
    """

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.kind = KINDS[settings.kind]
        self.label, of_model, of_module = METHODS[settings.method]
        self._cloning = of_model if self.kind.is_keras else of_module
        self._scope: dict[str, Any] = {}
        self.posteriors: list[tuple[np.ndarray, np.ndarray]] = []
        self.between: list[float] = []
        self.moved: tuple[list[float], list[float]] = ([], [])
        self.shared = False
        self._starts: list[tuple[np.ndarray, np.ndarray]] = []
        self._made = 0

    @property
    def step(self) -> int:
        """Training steps since the cloning."""
        return max(len(self.between) - 1, 0)

    @property
    def source(self) -> str:
        """The Python source of what runs."""
        steps = self.settings.pretrain
        before = f"for number in range({steps}):\n    step(original, {self.settings.seed} + number)\n" if steps else ""
        return f"{self._head}\n{before}\n{self._cloning}\n"

    @property
    def _head(self) -> str:
        compiled = (
            "original.compile(tf_keras.optimizers.Adam(0.05))\noriginal.optimizer.build(original.trainable_variables)"
        )
        variables = "model.trainable_variables" if self.kind.is_keras else "model.q.trainable_variables"
        return (
            f"""\
import copy

import tensorflow as tf
import tensorflow_probability as tfp
import tf_keras

import helpers
from workbook.labs.posteriors import run as posteriors

tfb, tfd, tfpl, tfu = tfp.bijectors, tfp.distributions, tfp.layers, tfp.util
x, y = posteriors.data()  # 64 noisy values of a linear function of three inputs
spread = {PRIORS[self.settings.prior]}
prior = tfd.Independent(tfd.Normal(tf.zeros(3), spread), 1)


{self.kind.body}

def step(model, seed):
    tf.random.set_seed(seed)
    with tf.GradientTape() as tape:
{textwrap.indent(self.kind.loss, " " * 8)}
    variables = {variables}
    gradients = tape.gradient(loss, variables)
    model.optimizer.apply_gradients(zip(gradients, variables, strict=True))


original = Posterior()
{compiled if self.kind.is_keras else ""}""".rstrip()
            + "\n"
        )

    @property
    def verdict(self) -> str:
        """One sentence on what the run has shown so far."""
        what = self.label if "." in self.label or "_" in self.label else self.label[:1].upper() + self.label[1:]
        if not self.between:
            if not self.posteriors:
                return "There is no posterior to show: making it raised the error below."
            if not self.problems:
                return "There is nothing to compare yet."
            name = self.problems[-1].name
            return f"{what} gives no clone of this posterior: it raises {'an' if name[0] in 'AEIOU' else 'a'} {name}."
        start = is_same(self.between[0])
        said = [f"{what}: the two posteriors {'start equal' if start else 'differ from the start'}"]
        train = self.settings.train
        if self.problems:
            said.append(f"training them raises {self.problems[-1].name}")
        elif self.step:
            said.append(self._future(start) if train == "both" else self._own_life())
        if self.shared:
            said.append("they share their variables")
        sentence = ", and ".join([said[0], "; ".join(said[1:])]) if len(said) > 1 else said[0]
        return f"{sentence}.{self._remark}"

    def _future(self, start: bool) -> str:
        apart = next((number for number, kl in enumerate(self.between) if not is_same(kl)), None)
        if apart is None:
            return f"trained alike they stay equal for {self.step} steps"
        return (
            f"part at step {apart} when both are trained alike" if start else "stay apart when both are trained alike"
        )

    def _own_life(self) -> str:
        trained, watched = (0, 1) if self.settings.train == "original" else (1, 0)
        names = ("original", "clone")
        if is_same(max(self.moved[trained])):
            return f"the {names[trained]} does not move when it is trained"
        if all(map(is_same, self.moved[watched])):
            return f"the {names[watched]} keeps still while the {names[trained]} is trained alone"
        return f"the {names[watched]} moves when the {names[trained]} is trained alone"

    @property
    def _remark(self) -> str:
        if self.settings.kind == "lost" and self.step:
            before, now = self._starts[0][1], self.posteriors[0][1]
            if np.array_equal(before, now):
                return " The spread never moves: its variable is lost, so no clone can be better than that."
        return ""

    @property
    def message(self) -> str | None:
        """What stands in the picture if there is nothing to draw."""
        return None if self.posteriors else "There is no posterior to show.\nThe reason stands below."

    def stages(self) -> Iterator[Stage]:
        """Make, train, clone and compare, slice by slice."""
        yield Stage("making the posterior")
        if not self.attempt("Making the posterior", self._make):
            yield from self._end()
            return
        self.posteriors = [self._read("original")]
        yield Stage("training before cloning", pictured=True)
        while self._made < self.settings.pretrain:
            if not self.attempt("Training before cloning", self._pretrain):
                yield from self._end()
                return
            yield Stage("training before cloning", pictured=True)
        yield Stage(f"cloning with {self.label}")
        if not self.attempt(f"Cloning with {self.label}", self._clone):
            yield from self._end()
            return
        yield Stage("training", pictured=True)
        names = {"both": ("original", "twin"), "original": ("original",), "clone": ("twin",)}[self.settings.train]
        while self.step < self.settings.steps and not self.problems:
            # A step takes its time, so each model's has a slice of its own.
            for name in names:
                self.attempt("Training", functools.partial(self._train, name))
                yield Stage("training")
            if not self.problems:
                self._note()
                yield Stage("training", pictured=True)
        self.finished = True

    def _end(self) -> Iterator[Stage]:
        self.finished = True
        yield Stage("drawing", pictured=True)

    def _run(self, code: str) -> None:
        # TFP calls Keras 2 by an old name and shares an initialiser without a seed, of which lesson 05 tells; and each
        # clone is tried out by functions that are compiled anew.
        with notebook.logs_held_back():
            exec(compile(code, "<the lab's source>", "exec"), self._scope)

    def _make(self) -> None:
        import tensorflow as tf

        tf.random.set_seed(self.settings.seed)
        self._scope = {"__name__": "__main__"}
        self._run(self._head)

    def _pretrain(self) -> None:
        self._scope["step"](self._scope["original"], self.settings.seed + self._made)
        self._made += 1
        self.posteriors = [self._read("original")]

    def _clone(self) -> None:
        self._run(self._cloning)
        held = [{id(variable) for variable in self._variables(name)} for name in ("original", "twin")]
        self.shared = bool(held[0] & held[1])
        self._note()

    def _train(self, name: str) -> None:
        self._scope["step"](self._scope[name], 1000 + self.settings.seed + self.step)

    def _variables(self, name: str) -> Sequence[Any]:
        either = self._scope[name]
        return either.trainable_variables if self.kind.is_keras else either.q.trainable_variables

    def _note(self) -> None:
        self.posteriors = [self._read("original"), self._read("twin")]
        if not self._starts:
            self._starts = self.posteriors
        self.between.append(divergence(*self.posteriors))
        for trace, now, start in zip(self.moved, self.posteriors, self._starts, strict=True):
            trace.append(divergence(now, start))

    def _read(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Return means and spreads of the three weights."""
        import tensorflow_probability as tfp

        either = self._scope[name]
        if not self.kind.is_keras:
            q = either.q
        elif self.settings.kind in ("regularizer", "DenseVariational"):
            q = tfp.layers.IndependentNormal.new(either.trainable_variables[0], 3)
        else:
            q = either.layers[0].kernel_posterior
        return np.ravel(q.mean()), np.ravel(q.stddev())
