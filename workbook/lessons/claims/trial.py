"""Try claims on a Keras, and return what was found as data.

A claim is a function `check_NUMBER` in a module of this folder. Its docstring has the claim in one sentence and, after
"Today:", what works today. It asks for what it needs by the names of its arguments: `keras`, `tf`, `np`, `tfp`, and
`folder`, the path of an empty folder. It returns its parts, by name, in order: True, False, or a function that is to
run without an error (and not to return False). If the claim cannot be tried on this Keras, it returns the reason.

This file and the claims import nothing of the workbook and run on Python 3.7 and later, so that they can be tried on
TensorFlow 2.0 too:

    python trial.py lesson_02.py --keras tf_keras --only 0.4 --seconds 60 --out found.json
"""

import argparse
import contextlib
import importlib
import importlib.util
import inspect
import io
import json
import multiprocessing
import os
import random
import re
import shutil
import sys
import tempfile
import textwrap
import warnings

HOLDS, IN_PART, NOT, UNTRIED = "holds", "holds in part", "does not hold", "cannot be tried here"


def load(path):
    """Return the claims in a file, in order: dictionaries with `number`, `text`, `today`, `check` and `source`."""
    spec = importlib.util.spec_from_file_location(os.path.splitext(os.path.basename(path))[0], path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # Keras 2 imports the module of a class that it does not know
    spec.loader.exec_module(module)
    return claims_of(module)


def claims_of(module):
    """Return the claims in a module, in order: dictionaries with `number`, `text`, `today`, `check` and `source`."""
    found = []
    for name, check in vars(module).items():
        if name.startswith("check_"):
            text, _, today = inspect.getdoc(check).partition("\n\nToday: ")
            number = name[len("check_") :].replace("_", ".")
            source = textwrap.dedent(inspect.getsource(check))
            found.append(dict(number=number, text=_joined(text), today=_joined(today), check=check, source=source))
    return found


def given(package):
    """Return what claims may ask for, by name. `package` is "keras", which means `tf.keras`, or "tf_keras"."""
    import numpy as np
    import tensorflow as tf

    old = tuple(int(part) for part in tf.__version__.split(".")[:2]) < (2, 16)
    keras = tf.keras if package == "keras" and old else importlib.import_module(package)
    if not hasattr(keras, "__version__"):  # as on TensorFlow 2.15, where the package itself has it
        keras = importlib.import_module("keras")
    found = {"keras": keras, "tf": tf, "np": np}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found["tfp"] = importlib.import_module("tensorflow_probability")
    except Exception as error:  # too new or too old for this TensorFlow: the claims about it say so
        found["tfp"] = error
    return found


def try_claim(check, available):
    """Try one claim, and return what was found.

    Args:
        check: The function of the claim.
        available: What it may ask for, from `given`.

    Returns:
        A dictionary: `verdict`, one of the four above; `parts`, a list of dictionaries with `name`, `holds` and, where
        an error decided, `error`; and, if the claim cannot be tried, `because`.
    """
    folder = tempfile.mkdtemp()
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            _seed(available)
            wanted = [dict(available, folder=folder)[name] for name in inspect.signature(check).parameters]
            missing = [each for each in wanted if isinstance(each, Exception)]
            found = _said(missing[0], folder) if missing else check(*wanted)
            if isinstance(found, str):
                return {"verdict": UNTRIED, "parts": [], "because": found}
            parts = [_part(name, value, folder) for name, value in found.items()]
    except Exception as error:
        return {"verdict": UNTRIED, "parts": [], "because": _said(error, folder)}
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    true = [part["holds"] for part in parts]
    return {"verdict": HOLDS if all(true) else IN_PART if any(true) else NOT, "parts": parts}


def in_words(found):
    """Return what `try_claim` found in one line, such as "holds in part: it is saved, but not: it is loaded"."""
    if found["verdict"] == UNTRIED:
        return "{}, because {}".format(UNTRIED, found["because"])
    if found["verdict"] != IN_PART:
        return found["verdict"]
    names = [[part["name"] for part in found["parts"] if part["holds"] is holds] for holds in (True, False)]
    return "{}: {}, but not: {}".format(IN_PART, "; ".join(names[0]), "; ".join(names[1]))


def try_in_a_process(check, available, seconds):
    """Try one claim like `try_claim`, in a copy of this process that is ended after so many seconds."""
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=lambda: sender.send(try_claim(check, available)))
    process.start()
    sender.close()
    try:
        if receiver.poll(seconds):
            return receiver.recv()
        because = f"it took more than {seconds:g} seconds"
    except EOFError:
        process.join()
        because = f"it ended the process with code {process.exitcode}"
    finally:
        process.kill()
        process.join()
    return {"verdict": UNTRIED, "parts": [], "because": because}


def _part(name, value, folder):
    """Return one part: a value that is true or not, or a function that is to run."""
    if not callable(value):
        return {"name": name, "holds": bool(value)}
    try:
        result = value()
    except Exception as error:
        return {"name": name, "holds": False, "error": _said(error, folder)}
    return {"name": name, "holds": bool(result) if type(result).__name__ in ("bool", "bool_") else True}


def _said(error, folder):
    """Return an error's type and first sentences, without what differs from run to run."""
    text = re.sub(r"\x1b\[[0-9;]*m| at 0x[0-9a-f]+", "", str(error).replace(folder, "folder").replace("\\", "/"))
    lines = [line.strip() for line in text.splitlines() if line.strip()] or [""]
    if len(lines) > 1 and lines[0].startswith("Exception encountered"):  # Keras 3 puts it before every error in `call`
        del lines[0]
    if lines[0] in ("in user code:", "in converted code:"):  # AutoGraph puts the error after its frames
        del lines[:-1]
    # Keras numbers the names that it gives, and counts from the start of the process.
    sentences = re.split(r"(?<=[.!?]) ", re.sub(r"(?<=[a-z])_\d+\b", "", lines[0]))
    while len(sentences) > 1 and len(" ".join(sentences)) > 160:
        sentences.pop()
    said = " ".join(sentences)
    return "{}: {}".format(type(error).__name__, said if len(said) <= 160 else said[:157] + "...").rstrip(": ")


def _seed(available):
    """Set every seed, so that a claim finds the same on every run."""
    random.seed(0)
    available["np"].random.seed(0)
    available["tf"].random.set_seed(0)
    if hasattr(available["keras"].utils, "set_random_seed"):
        available["keras"].utils.set_random_seed(0)


def _joined(text):
    return " ".join(text.split())


def main(arguments=None):
    """Try the claims of a file, and print or write the list of what was found."""
    parser = argparse.ArgumentParser(description="Try the claims of files on a Keras; prints JSON, one entry a claim.")
    parser.add_argument("files", nargs="+", metavar="FILE", help="such as lesson_02.py")
    parser.add_argument("--keras", default="keras", choices=("keras", "tf_keras"), help="keras means tf.keras")
    parser.add_argument("--only", nargs="+", default=[], metavar="NUMBER", help="such as 0.4 0.E1")
    parser.add_argument("--seconds", type=float, help="try each claim in a process of its own, and end it after these")
    parser.add_argument("--out", help="write into this file, because TensorFlow prints too")
    options = parser.parse_args(arguments)
    claims = [claim for file in options.files for claim in load(file)]
    claims = [claim for claim in claims if not options.only or claim["number"] in options.only]
    available, found = given(options.keras), []
    for claim in claims:
        if options.seconds:
            result = try_in_a_process(claim["check"], available, options.seconds)
        else:
            result = try_claim(claim["check"], available)
        found.append(dict(result, number=claim["number"]))
    with open(options.out, "w", encoding="utf-8") if options.out else sys.stdout as file:
        json.dump(found, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    main()
