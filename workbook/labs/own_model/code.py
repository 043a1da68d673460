"""The code that clones a reader's model by a method, ready to be run where the model is."""

from __future__ import annotations

import json
import re
import textwrap
from typing import Any

from helpers import keras_compat
from workbook.methods import ALL_METHODS, classes_and_functions, own_arguments

__all__ = ["code"]

_COMPILES = "compile_from_config"
_TAKEN = ("clone", "folder", "new", "old", "path", "value", "values", "variable")


def code(
    method: str,
    model: Any,
    variable: str = "model",
    file: str = "",
    inputs: str = "inputs",
    *,
    optimizer: str = "kept",
    saved_as: str = "",
) -> str:
    """Write the code that clones a model by a method, ready to be run where the model and its inputs are.

    Args:
        method: A key of `ALL_METHODS`.
        model: The model, which decides on the package and on the classes that have to be named.
        variable: Name of the variable that holds it.
        file: The file that it comes from, or an empty text.
        inputs: An expression for a batch of its inputs: a variable, or a call of `make_inputs`.
        optimizer: Whether the clone's is "kept" or "fresh" or, with the rest of the compile settings, left out.
        saved_as: Name of the file, without its ending, for a method that writes one that should stay.

    Returns:
        The code; it puts the clone into the variable `clone`, or `clone_` if that is the model's own name.
    """
    package = keras_compat.generation(model)
    objects = ", ".join(f'"{name}": {name}' for name in sorted(classes_and_functions(model)))
    body = ALL_METHODS[method].code.splitlines()
    if method == "new_instance":
        body[0] = f"clone = type(model)({', '.join(_arguments(model))})"
    if optimizer != "kept" or not keras_compat.is_compiled(model):
        body = _uncompiled(body)
    if optimizer == "fresh" and keras_compat.is_compiled(model):
        body.append("clone.compile_from_config(model.get_compile_config())")
    if method in ("keras_file", "file_then_seeds"):
        body = _with_file(body, objects, saved_as)
    if objects and any("from_config" in line for line in body):
        scope = f"with keras.utils.custom_object_scope({{{objects}}}):"
        body = [scope, *textwrap.indent("\n".join(body), "    ").splitlines()]
    body = [re.sub(r"\bkeras\.(?=models|utils)", f"{package}.", line) for line in body]
    if variable in _TAKEN:  # the code sets these names itself
        body = [re.sub(rf"\b{variable}\b", f"{variable}_", line) for line in body]
    body = [re.sub(r"\bmodel\b(?!\.keras|\.weights\.h5|s\b)", variable, line) for line in body]
    if file:
        own = f", {{{objects}}}" if objects else ""
        body.insert(0, f"{variable} = load_file({json.dumps(file)}{own})")
    body = [re.sub(r"\binputs\b", lambda found: inputs, line) for line in body]
    return "\n".join([*_imports(body, package), *body])


# Where the file is loaded, the model is no longer there.
_SAVE_VARIABLES = 'np.savez("FILE", *map(np.asarray, model.variables))'
_LOAD_VARIABLES = """with np.load("FILE") as values:
    for variable, value in zip(clone.variables, values.values(), strict=True):
        variable.assign(value)"""


def _arguments(model: Any) -> list[str]:
    """Return the arguments of the constructor, taken from where `new_instance` found them."""
    return [
        f"{name}=model.{name}" if hasattr(model, name) else f'{name}=model.get_config()["{name}"]'
        for name in own_arguments(type(model))
        if hasattr(model, name) or name in (model.get_config() or {})
    ]


def _uncompiled(body: list[str]) -> list[str]:
    """Leave out the compile settings, and the optimizer state, which stands below them if it is copied."""
    kept = []
    for line in body:
        if line.startswith("if model.optimizer"):
            break
        if _COMPILES not in line:
            kept.append(line)
    return kept


def _with_file(body: list[str], objects: str, saved_as: str) -> list[str]:
    """Write the file into a folder that goes away again, unless it should stay."""
    given = f", custom_objects={{{objects}}}" if objects else ""
    save, load, *rest = body
    load = load.replace('("model.keras")', f'("model.keras"{given})')
    if saved_as:
        lines = [save, load] if not rest else [save, _SAVE_VARIABLES, load, _LOAD_VARIABLES]
        text = "\n".join(lines).replace('"model.keras"', f'"{saved_as}.keras"').replace("FILE", f"{saved_as}.npz")
        return text.splitlines()
    inside = [line.replace('"model.keras"', "path") for line in (save, load)]
    return [
        "with tempfile.TemporaryDirectory() as folder:",
        '    path = Path(folder) / "model.keras"',
        *(f"    {line}" for line in inside),
        *rest,
    ]


def _imports(body: list[str], package: str) -> list[str]:
    text = "\n".join(body)
    groups = [
        [
            line
            for word, line in (
                ("copy.deepcopy", "import copy"),
                ("tempfile.", "import tempfile"),
                ("Path(", "from pathlib import Path"),
            )
            if word in text
        ],
        [f"import {package}"] * bool(re.search(rf"\b{package}\.(models|utils)", text))
        + ["import numpy as np"] * ("np." in text),
        [
            line
            for word, line in (
                ("helpers.clone", "import helpers"),
                ("load_file(", "from helpers.keras_files import load_file"),
                ("make_inputs(", "from helpers.made_up import make_inputs"),
            )
            if word in text
        ],
    ]
    return [line for group in groups if group for line in [*group, ""]]
