"""The magic `%both`: a cell that runs on Keras 3 and then on Keras 2, with what came of it side by side.

    %both
    model = keras.Sequential([keras.layers.Dense(2)])
    len(model.weights)

`import workbook` registers it in IPython. The code is written once, and `keras` is Keras 3 in the first run and
`tf_keras` in the second. Afterwards the notebook goes on with what the first run made. What the second run made is kept
apart, and the next such cell finds it: each Keras version sees its own `model`.

It applies to the whole cell and stands in its first line with one percent sign, because linters, formatters and editors
read the lines below as the Python that they are. A cell magic, with two, would hide the cell from them.
"""

from __future__ import annotations

import ast
import html
import importlib
import logging
import textwrap
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from workbook.notebook import describe_error, refuse_out_of_order
from workbook.text import KERAS_VERSIONS, join_words

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

__all__ = ["BothVersions", "SideBySide", "register"]

_NOTHING = object()
_WIDTH = 40  # letters in a line of an error or a warning: half of a page


@dataclass
class Outcome:
    """What came of a cell on one Keras version.

    Attributes:
        text: What it printed, its warnings and its error.
        shown: What it displayed: for each display a dict from MIME type to data, and one from MIME type to metadata.
        error: The error that ended it.
    """

    text: str = ""
    shown: list[tuple[dict[str, Any], dict[str, Any]]] = field(default_factory=list)
    error: Exception | None = None

    def plain(self) -> str:
        """Everything as text."""
        return "\n".join(part.rstrip("\n") for part in [self.text, *(_plain(*each) for each in self.shown)] if part)

    def html(self) -> str:
        """Everything as HTML."""
        return (_as_pre(self.text) if self.text else "") + "".join(_html(*each) for each in self.shown)


class SideBySide:
    """What came of a cell on each Keras version, next to each other; once, if it is the same."""

    def __init__(self, outcomes: dict[str, Outcome]) -> None:
        """Show outcomes under their names."""
        alike = len({(outcome.plain(), outcome.html()) for outcome in outcomes.values()}) == 1
        self._outcomes = {join_words(list(outcomes)): next(iter(outcomes.values()))} if alike else outcomes

    def __repr__(self) -> str:
        parts = [
            f"{name}:\n{textwrap.indent(each.plain() or 'nothing', '  ')}" for name, each in self._outcomes.items()
        ]
        return "\n\n".join(parts)

    def _repr_html_(self) -> str:
        column = '<div style="flex: 1 1 20em; min-width: 0">'
        columns = (
            f"{column}<p><strong>{name}</strong></p>{each.html() or '<p>nothing</p>'}</div>"
            for name, each in self._outcomes.items()
        )
        return f'<div style="display: flex; flex-wrap: wrap; gap: 0 2em">{"".join(columns)}</div>'


class BothVersions:
    """Runs cells on both Keras versions, and keeps for Keras 2 what they define.

    Attributes:
        shell: The IPython shell whose namespace holds the reader's variables, as Keras 3 has them.
    """

    def __init__(self, shell: InteractiveShell) -> None:
        """Run cells in this shell."""
        self.shell = shell
        self._keras_2: dict[str, Any] = {}
        # Names whose value is different on Keras 2, with the value that they had on Keras 3 when that began.
        self._apart: dict[str, Any] = {}

    def run(self, cell: str) -> SideBySide | None:
        """Run a cell on Keras 3 and then on Keras 2.

        An error on one of them is part of what the cell shows: the two versions differ there.

        Args:
            cell: The code below the magic's line.

        Returns:
            What came of it, or None if the cell shows nothing.

        Raises:
            Exception: The error of the code, if it fails on both, or uses a name that a cell above defines, and that
                cell has not run.
        """
        source = self.shell.transform_cell(cell)
        name = self.shell.compile.cache(source)  # so that tracebacks and AutoGraph find the source
        tree = ast.parse(source, name)
        spaces = {"keras": self.shell.user_ns, "tf_keras": self._space_for_keras_2()}
        before = {package: dict(space) for package, space in spaces.items()}
        outcomes = {}
        for package, space in spaces.items():
            space["keras"] = importlib.import_module(package)
            outcomes[KERAS_VERSIONS[package]] = self._run_once(tree, name, space)
        self._keep_apart(spaces, before)
        result = SideBySide(outcomes)
        error, *others = [outcome.error for outcome in outcomes.values()]
        if error is not None and None not in others:
            from IPython.display import display

            display(result)
            raise error
        for outcome in outcomes.values():
            # The traceback would keep alive everything that the failed code made.
            outcome.error = outcome.error and outcome.error.with_traceback(None)
        return result if any(outcome.plain() for outcome in outcomes.values()) else None

    def _space_for_keras_2(self) -> dict[str, Any]:
        """The names of the notebook, with those of Keras 2 in their place unless the notebook has set them since."""
        user = self.shell.user_ns
        self._apart = {name: value for name, value in self._apart.items() if user.get(name, _NOTHING) is value}
        for name in self._keras_2.keys() - user.keys() - self._apart.keys():
            del self._keras_2[name]
        self._keras_2.update({name: value for name, value in user.items() if name not in self._apart})
        return self._keras_2

    def _keep_apart(self, spaces: dict[str, dict[str, Any]], before: dict[str, dict[str, Any]]) -> None:
        """Note the names that either run has set."""
        for package, space in spaces.items():
            changed = (name for name, value in space.items() if before[package].get(name, _NOTHING) is not value)
            self._apart.update({name: self.shell.user_ns.get(name, _NOTHING) for name in changed})
        self._apart = {name: value for name, value in self._apart.items() if name in self._keras_2}

    def _run_once(self, tree: ast.Module, name: str, space: dict[str, Any]) -> Outcome:
        """Run code with the names of one Keras version, and catch what it shows."""
        from IPython.utils.capture import capture_output

        outcome = Outcome()
        *statements, last = tree.body or [ast.Pass()]
        value = None
        with capture_output() as captured, _warnings_noted() as warned:
            try:
                if isinstance(last, ast.Expr):
                    exec(compile(ast.Module(statements, []), name, "exec"), space)
                    value = eval(compile(ast.Expression(last.value), name, "eval"), space)
                else:
                    exec(compile(tree, name, "exec"), space)
                shown = [] if value is None else [self.shell.display_formatter.format(value)]
            except Exception as error:
                refuse_out_of_order(error)
                outcome.error, shown = error, []
        said = "".join(textwrap.fill(line, _WIDTH) + "\n" for line in dict.fromkeys(warned))
        ending = describe_error(outcome.error, _WIDTH) if outcome.error else ""
        outcome.text = captured.stdout + captured.stderr + said + ending
        outcome.shown = [(each.data or {}, each.metadata or {}) for each in captured.outputs] + shown
        return outcome


@contextmanager
def _warnings_noted() -> Iterator[list[str]]:
    """Collect the warnings of Python, and those that TensorFlow and Keras write to a log, as sentences."""
    noted: list[str] = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: noted.append(f"Warning: {record.getMessage()}")  # type: ignore[method-assign]
    loggers = [logging.getLogger(name) for name in ("absl", "tensorflow")]
    before = [(logger.handlers, logger.propagate) for logger in loggers]
    for logger in loggers:
        logger.handlers, logger.propagate = [handler], False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("always", UserWarning)
            warnings.showwarning = lambda message, category, *place: noted.append(f"{category.__name__}: {message}")
            yield noted
    finally:
        for logger, (handlers, propagate) in zip(loggers, before, strict=True):
            logger.handlers, logger.propagate = handlers, propagate


def _plain(data: dict[str, Any], metadata: dict[str, Any]) -> str:
    return str(data.get("text/plain", ""))


def _html(data: dict[str, Any], metadata: dict[str, Any]) -> str:
    """Return something displayed as HTML: a picture with its alternative text, or the richest form that there is."""
    if "image/png" in data:
        alternative = metadata.get("image/png", {}).get("alt") or _plain(data, metadata)
        source = f"data:image/png;base64,{str(data['image/png']).strip()}"
        return f'<img style="max-width: 100%" src="{source}" alt="{html.escape(alternative)}">'
    return str(data["text/html"]) if "text/html" in data else _as_pre(_plain(data, metadata))


def _as_pre(text: str) -> str:
    return f'<pre style="white-space: pre-wrap">{html.escape(text.rstrip())}</pre>'


def _whole_cell(lines: Sequence[str]) -> list[str]:
    """Make `%both` in the first line of a cell the cell magic: a function for IPython's input transformers."""
    if not lines or lines[0].strip() != "%both":
        return list(lines)
    return [f"%{lines[0].lstrip()}", *lines[1:]]


def register(shell: InteractiveShell) -> None:
    """Register `%both` in an IPython shell; a second time changes nothing.

    Args:
        shell: The shell, from `IPython.get_ipython()`.

    Example:
        >>> import IPython
        >>> register(IPython.get_ipython())   # doctest: +SKIP
    """
    if shell.find_cell_magic("both") is not None:
        return
    both = BothVersions(shell)

    def run(line: str, cell: str) -> SideBySide | None:
        """Run the cell on Keras 3 and then on Keras 2."""
        return both.run(cell)

    shell.register_magic_function(run, "cell", "both")
    shell.input_transformers_cleanup.append(_whole_cell)
