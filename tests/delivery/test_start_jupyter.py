"""Jupyter starts without the import that takes most of its time, and otherwise as usual."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

START = Path(__file__).resolve().parents[2] / "tools" / "start_jupyter.py"

PROGRAM = """
import jsonschema, sys, test.support
print(sys.argv, __name__, sys.modules["rfc3987_syntax"])
jsonschema.validate("text", {"type": "string", "format": "iri"}, format_checker=jsonschema.FormatChecker())
"""


def test_the_program_runs_as_with_m_and_without_the_slow_package(tmp_path):
    (tmp_path / "program.py").write_text(PROGRAM, encoding="utf-8")
    command = [sys.executable, str(START), "program", "--any", "option"]
    done = subprocess.run(command, env={"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True)
    assert (done.stderr, done.returncode) == ("", 0)
    assert "'--any', 'option'] __main__ None" in done.stdout


def test_jupyterlab_starts_with_it():
    done = subprocess.run([sys.executable, str(START), "jupyterlab", "--version"], capture_output=True, text=True)
    assert (done.stderr, done.returncode) == ("", 0)
    assert done.stdout[0].isdigit()
