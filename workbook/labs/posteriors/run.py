"""One run of the lab "Two posteriors", without widgets: fit a posterior, clone it, train one or both, and compare them.

The posterior is always that of the three weights of a linear regression, with an independent normal distribution for
each weight. The run executes the source that the lab shows.
"""

from __future__ import annotations

import functools
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from helpers.report import OWN_LIFE, SAME_FUTURE, SAME_START, Verdict, sentence
from workbook import notebook
from workbook.labs.framework.run import Run, Stage
from workbook.labs.framework.settings import LabSettings, choice, integer

TRAIN = {"both": "both, alike", "original": "the original only", "clone": "the clone only"}
PRIORS = {"narrow": 0.1, "standard": 1.0, "wide": 5.0}
WEIGHTS = ("w1", "w2", "w3")
TRUTH = (0.8, -0.5, 0.3)
SAMPLES = 64


@dataclass(frozen=True)
class PosteriorKind:
    """One way to write the posterior.

    Attributes:
        label: Name that a reader sees.
        body: Python source of the class.
        loss: Python source of the two lines that compute the loss.
    """

    label: str
    body: str
    loss: str

    @property
    def is_keras(self) -> bool:
        """Whether it is a Keras model, not only a TensorFlow module."""
        return "tf_keras.Sequential" in self.body


_OF_LAYER = """\
answers = model(x, training=True)
loss = tf.reduce_mean(tf.square(y - answers)) / 0.5 + tf.add_n(model.losses)"""
_OF_DISTRIBUTION = """\
weights = {q}.sample()
loss = tf.reduce_mean(tf.square(y - tf.linalg.matvec(x, weights)[:, None])) / 0.5 + {kl}"""


def _layer(name: str) -> PosteriorKind:
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
    return PosteriorKind(f"{name} layer", body, _OF_LAYER)


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

POSTERIOR_KINDS = {
    "surrogate": PosteriorKind(
        "surrogate with a TransformedVariable",
        _MODULE.format(scale="scale = tfu.TransformedVariable(tf.fill([3], 0.5), tfb.Softplus())"),
        _Q_LOSS,
    ),
    "lost": PosteriorKind(
        "surrogate with softplus(tf.Variable)",
        _MODULE.format(scale="scale = tf.nn.softplus(tf.Variable(tf.zeros(3)))"),
        _Q_LOSS,
    ),
    "regularizer": PosteriorKind(
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
    "DenseVariational": PosteriorKind(
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

# Name -> label, code for a Keras model, code for a TensorFlow module.
_CARRY = """\
for new, old in zip(clone.optimizer.variables, original.optimizer.variables, strict=True):
    new.assign(old)"""
_COMPILE = """\
clone.compile(tf_keras.optimizers.Adam(0.05))
clone.optimizer.build(clone.trainable_variables)"""
_MODEL_WEIGHTS = "clone = Posterior()\nclone.set_weights(original.get_weights())"
_MODULE_WEIGHTS = """\
clone = Posterior()
for new, old in zip(clone.q.variables, original.q.variables, strict=True):
    new.assign(old)"""
_CLONE_MODEL = "clone = tf_keras.models.clone_model(original)"
CLONING_METHODS = {
    "alias": ("a second name", "clone = original", "clone = original"),
    "copy": (
        "a new object on the same variables",
        f"clone = tf_keras.Sequential([tf_keras.layers.Input((3,)), *original.layers])\n{_COMPILE}",
        "clone = Posterior()\nclone.q = original.q.copy()\nclone.optimizer = tf_keras.optimizers.Adam(0.05)\n"
        "clone.optimizer.build(clone.q.trainable_variables)",
    ),
    "clone_model": ("clone_model", f"{_CLONE_MODEL}\n{_COMPILE}", _CLONE_MODEL),
    "clone_model_set_weights": (
        "clone_model + set_weights",
        f"{_CLONE_MODEL}\nclone.set_weights(original.get_weights())\n{_COMPILE}",
        f"{_CLONE_MODEL}\nclone.set_weights(original.get_weights())",
    ),
    "deepcopy": ("copy.deepcopy", "clone = copy.deepcopy(original)", "clone = copy.deepcopy(original)"),
    "class": ("the class again", f"clone = Posterior()\n{_COMPILE}", "clone = Posterior()"),
    "weights": ("the class + weights", f"{_MODEL_WEIGHTS}\n{_COMPILE}", _MODULE_WEIGHTS),
    "whole": (
        "the class + weights + optimizer",
        f"{_MODEL_WEIGHTS}\n{_COMPILE}\n{_CARRY}",
        f"{_MODULE_WEIGHTS}\n{_CARRY}",
    ),
    "clone": ("helpers.clone", "clone = helpers.clone(original)", "clone = helpers.clone(original)"),
}


@dataclass(frozen=True)
class PosteriorsSettings(LabSettings):
    """How the posterior is written and cloned, and how both are trained.

    Example:
        >>> PosteriorsSettings().replace(method="alias").method
        'alias'
    """

    kind: str = choice(
        "DenseFlipout", {name: kind.label for name, kind in POSTERIOR_KINDS.items()}, "How it is written"
    )
    prior: str = choice("standard", {name: f"{name}, spread {spread:g}" for name, spread in PRIORS.items()}, "Prior")
    method: str = choice("weights", {name: label for name, (label, *_) in CLONING_METHODS.items()}, "How it is cloned")
    pretrain: int = integer(6, "Steps before cloning", 0, 20, step=2)
    train: str = choice("both", TRAIN, "Train after cloning")
    steps: int = 20  # after cloning
    seed: int = integer(0, "Seed", 0, 9999, typed=True)


@functools.lru_cache(maxsize=1)
def data() -> tuple[np.ndarray, np.ndarray]:
    """Return inputs (64, 3) and targets (64, 1) of the regression."""
    random = np.random.default_rng(1)
    x = random.normal(size=(SAMPLES, 3)).astype("float32")
    y = x @ np.array(TRUTH, "float32")[:, None] + 0.5 * random.normal(size=(SAMPLES, 1)).astype("float32")
    return x, y.astype("float32")


def kl_divergence(first: tuple[np.ndarray, np.ndarray], second: tuple[np.ndarray, np.ndarray]) -> float:
    """Return the KL divergence of one posterior from another, each a pair of means and spreads.

    Example:
        >>> kl_divergence((np.zeros(2), np.ones(2)), (np.zeros(2), np.ones(2)))
        0.0
    """
    if all(map(np.array_equal, first, second)):
        return 0.0
    (m1, s1), (m2, s2) = ([np.asarray(part, np.float64) for part in each] for each in (first, second))
    with np.errstate(all="ignore"):
        parts = np.log(s2 / s1) + (s1**2 + (m1 - m2) ** 2) / (2 * s2**2) - 0.5
    # Rounding must not give 0 for posteriors that differ.
    return max(float(np.sum(parts)), 1e-300) if np.all(np.isfinite(parts)) else float("nan")


def is_same(kl: float) -> bool:
    """Return True if a KL divergence is exactly 0. No tolerance is needed: both posteriors use the same arithmetic."""
    return kl == 0.0


class PosteriorsRun(Run):
    """A run of one setting.

    Args:
        settings: The settings of the lab.

    Attributes:
        posteriors: Means and spreads of the original and of the clone, as pairs of arrays.
        between: KL divergence of the two at each step since the cloning.
        moved: For each of the two, the KL divergence from its own state at the cloning.
        shared: Whether the two share variables.

    Example:
        >>> run = PosteriorsRun(PosteriorsSettings(steps=0))
        >>> for stage in run.stages():  # doctest: +SKIP
        ...     pass
    """

    def __init__(self, settings: PosteriorsSettings) -> None:
        super().__init__(settings)
        self.kind = POSTERIOR_KINDS[settings.kind]
        self.label, of_model, of_module = CLONING_METHODS[settings.method]
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
        """The Python source of the run."""
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
        """One sentence on the results so far."""
        what = self.label if "." in self.label or "_" in self.label else self.label[:1].upper() + self.label[1:]
        if not self.between:
            if not self.posteriors:
                return "There is no posterior to show: making it raised the error below."
            if not self.problems:
                return "There is nothing to compare yet."
            name = self.problems[-1].name
            return f"{what} gives no clone of this posterior: it raises {'an' if name[0] in 'AEIOU' else 'a'} {name}."
        return f"{what}: {sentence(self._verdicts())}{self._remark}"

    def _verdicts(self) -> dict[str, Verdict]:
        """Return the outcome of each of the three tests, based on the distances between the posteriors."""
        start = is_same(self.between[0])
        untried = Verdict(None, "no training step was made yet")
        if self.problems:
            untried = Verdict(None, f"training them raises {self.problems[-1].name}")
        return {
            SAME_START: Verdict(start, "" if start else "the posteriors differ"),
            SAME_FUTURE: self._future() if self.step and not self.problems else untried,
            OWN_LIFE: self._own_life(untried),
        }

    def _future(self) -> Verdict:
        if self.settings.train != "both":
            return Verdict(None, f"only the {self.settings.train} was trained")
        apart = next((number for number, kl in enumerate(self.between) if not is_same(kl)), None)
        if apart is not None:
            return Verdict(False, f"unequal from step {apart} on" if apart else "unequal from the start")
        return Verdict(True) if self.moved[0][-1] else Verdict(None, "the training steps moved nothing")

    def _own_life(self, untried: Verdict) -> Verdict:
        reasons = ["they share their variables"] if self.shared else []
        train = self.settings.train
        trained, watched = (0, 1) if train == "original" else (1, 0)
        alone = bool(self.step) and train != "both" and not self.problems
        if alone and not all(map(is_same, self.moved[watched])):
            reasons.append("training one moves the other")
        if reasons:
            return Verdict(False, " and ".join(reasons))
        if alone:
            return Verdict(True) if self.moved[trained][-1] else Verdict(None, "the training steps moved nothing")
        return Verdict(None, "both were trained") if train == "both" and self.step else untried

    @property
    def _remark(self) -> str:
        if self.settings.kind == "lost" and self.step:
            before, now = self._starts[0][1], self.posteriors[0][1]
            if np.array_equal(before, now):
                return " The spread never moves: its variable is lost, so no clone can be better than that."
        return ""

    @property
    def message(self) -> str | None:
        """Text across the picture if there is nothing to draw."""
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
        names = {"both": ("original", "clone"), "original": ("original",), "clone": ("clone",)}[self.settings.train]
        while self.step < self.settings.steps and not self.problems:
            # A training step is slow, so each model trains in its own slice.
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
        # Three warnings are expected: TFP uses a deprecated name of Keras 2, it shares an initialiser without a seed
        # (see lesson 05), and the functions that train a clone are traced again for each clone.
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
        held = [{id(variable) for variable in self._variables(name)} for name in ("original", "clone")]
        self.shared = bool(held[0] & held[1])
        self._note()

    def _train(self, name: str) -> None:
        self._scope["step"](self._scope[name], 1000 + self.settings.seed + self.step)

    def _variables(self, name: str) -> Sequence[Any]:
        either = self._scope[name]
        return either.trainable_variables if self.kind.is_keras else either.q.trainable_variables

    def _note(self) -> None:
        self.posteriors = [self._read("original"), self._read("clone")]
        if not self._starts:
            self._starts = self.posteriors
        self.between.append(kl_divergence(*self.posteriors))
        for trace, now, start in zip(self.moved, self.posteriors, self._starts, strict=True):
            trace.append(kl_divergence(now, start))

    def _read(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Return the means and spreads of the three weights."""
        import tensorflow_probability as tfp

        either = self._scope[name]
        if not self.kind.is_keras:
            q = either.q
        elif self.settings.kind in ("regularizer", "DenseVariational"):
            q = tfp.layers.IndependentNormal.new(either.trainable_variables[0], 3)
        else:
            q = either.layers[0].kernel_posterior
        return np.ravel(q.mean()), np.ravel(q.stddev())
