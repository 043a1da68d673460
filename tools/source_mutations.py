"""Put one deliberate fault after another into a copy of the workbook, and check that some test fails for each.

.venv/bin/python tools/source_mutations.py            # all, some minutes
.venv/bin/python tools/source_mutations.py audit      # those whose description contains the word
.venv/bin/python tools/source_mutations.py --just-passed    # without the first run of the tests

A test that never failed proves little. Each fault here is one that a careless change could make, with the tests that
should notice it. These are first run without any fault, because a test that always fails proves nothing either.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Fault:
    """A fault, and the tests that should fail with it.

    Attributes:
        what: Description of the fault.
        file: The file, relative to the root of the workbook.
        old: The right text, which occurs exactly once in the file.
        new: The faulty text.
        tests: Arguments for pytest.
    """

    what: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]


FAULTS = (
    Fault(
        "clone does not look whether the clone answers alike",
        "helpers/cloning.py",
        "return len(of_original) == len(of_clone) and not any(map(distances.differs, of_original, of_clone))",
        "return True",
        ("tests/helpers/test_cloning.py", "-k", "answers_differently"),
    ),
    Fault(
        "clone does not notice a clone that answers with the weights of the original",
        "helpers/cloning.py",
        "distances.assign(floats, [1 + value for value in distances.read(floats)])",
        "pass",
        ("tests/helpers/test_cloning.py", "-k", "answers_with_the_original"),
    ),
    Fault(
        "clone shares a data set that uses a layer of the original",
        "helpers/graph_copy.py",
        "for part in tf_private.captured(old):",
        "for part in ():",
        ("tests/helpers/test_graph_copy.py", "-k", "data_set"),
    ),
    Fault(
        "clone looks for outdated training in the outer model only",
        "helpers/cloning.py",
        "for model, _ in copy.pairs:",
        "for model in [copy.original]:",
        ("tests/helpers/test_cloning.py", "-k", "refused_by_name and critic"),
    ),
    Fault(
        "what is remembered about a class keeps the class alive",
        "helpers/caching.py",
        "alive[identity] = weakref.ref(cls, lambda _: (results.pop(identity), alive.pop(identity)))",
        "alive[identity] = cls",
        ("tests/helpers/test_graph_copy.py", "-k", "classes_are_freed"),
    ),
    Fault(
        "clone lets a clone pass that reaches into the original",
        "helpers/cloning.py",
        "for leak, holder in copy.leaks():",
        "for leak, holder in ():",
        ("tests/helpers/test_cloning.py", "-k", "reach_into"),
    ),
    Fault(
        "clone leaves the original as its check has used it",
        "helpers/cloning.py",
        "    with snapshot.objects_unchanged(value for pair in copy.pairs for value in pair):\n"
        "        with same_random_state() as draws:\n            of_original = distances.answers(",
        "    if True:\n        with same_random_state() as draws:\n            of_original = distances.answers(",
        ("tests/helpers/test_cloning.py", "-k", "attribute or process or compiled or stateful"),
    ),
    Fault(
        "a copied variable shares its memory with the original",
        "helpers/tf_private.py",
        "value = gen_array_ops.deep_copy(value_of(old))",
        "return old",
        ("tests/helpers/test_tf_private.py", "tests/helpers/test_graph_copy.py"),
    ),
    Fault(
        "a function's closure is shared with the original",
        "helpers/graph_copy.py",
        "cells = tuple(walk.copied(cell) for cell in old.__closure__ or ())",
        "cells = old.__closure__ or ()",
        ("tests/helpers/test_graph_copy.py",),
    ),
    Fault(
        "audit takes shared variables for separate ones",
        "helpers/checks.py",
        "        not parts,\n",
        "        True,\n",
        ("tests/helpers/test_auditing.py", "-k", "alias or shared"),
    ),
    Fault(
        "audit overlooks a lost optimizer",
        "helpers/checks.py",
        "    if findings:\n        apart =",
        "    if False:\n        apart =",
        ("tests/helpers/test_auditing.py", "-k", "slot"),
    ),
    Fault(
        "audit leaves the models as it trained them",
        "helpers/snapshot.py",
        "        distances.assign(list(self.variables.values()), self._values)\n",
        "",
        ("tests/helpers/test_auditing.py", "-k", "left_as_they_were"),
    ),
    Fault(
        "two threads change the process at once",
        "helpers/random_state.py",
        "    with _ONE_THREAD:\n",
        "    if True:\n",
        ("tests/helpers/test_threads.py", "-k", "one_thread"),
    ),
    Fault(
        "functions run eagerly in all threads",
        "helpers/tf_private.py",
        "return threading.get_ident() == self._thread or bool(self._elsewhere)",
        "return True",
        ("tests/helpers/test_threads.py", "-k", "left_alone"),
    ),
    Fault(
        "audit leaves what it has made Keras 2 create",
        "helpers/engine.py",
        "        with snapshot.at_hand(self._held), snapshot.taken_once(self.original, clone):",
        "        if True:",
        ("tests/helpers/test_auditing.py", "-k", "nothing_is_created"),
    ),
    Fault(
        "a snapshot leaves out what is kept for each thread",
        "helpers/model_parts.py",
        "if isinstance(value, (type, types.ModuleType, threading.Thread, np.ufunc, *_FUNCTIONS)):",
        "if isinstance(value, (type, types.ModuleType, threading.Thread, threading.local, np.ufunc, *_FUNCTIONS)):",
        ("tests/helpers/test_snapshot.py", "-k", "container"),
    ),
    Fault(
        "replicas do not know the variable that holds them",
        "helpers/tf_private.py",
        "            replica.handle._distributed_container = weakref.ref(variable)\n",
        "            pass\n",
        ("tests/helpers/test_tf_private.py", "-k", "strategy"),
    ),
    Fault(
        "a compiled function with earlier settings passes",
        "helpers/tracing.py",
        "if _operations(now) - _operations(traced):",
        "if False:",
        ("tests/helpers/test_tracing.py",),
    ),
    Fault(
        "the exit code of the command does not say that a clone is not true",
        "helpers/__main__.py",
        "return TRUE if passes(report) else NOT_TRUE",
        "return TRUE",
        ("tests/helpers/test_main.py", "-k", "exit_code"),
    ),
    Fault(
        "the notebooks take over the float type of keras.json",
        "workbook/notebook.py",
        "                getattr(backend, change)(value)\n",
        "",
        ("tests/workbook/test_startup.py", "-k", "float"),
    ),
    Fault(
        "audit overlooks the activation",
        "helpers/model_parts.py",
        '    found.pop("name", None)\n    return found',
        '    found.pop("activation", None)\n    return found',
        ("tests/helpers/test_auditing.py", "-k", "fault and another_activation"),
    ),
    Fault(
        "audit takes what a call notes for a part of the model",
        "helpers/model_diff.py",
        "            if (id(a), key) in self._notes or (id(b), key) in self._notes:",
        "            if False:",
        ("tests/helpers/test_model_diff.py", "-k", "call_keeps"),
    ),
    Fault(
        "audit takes what a call counts for a note",
        "helpers/model_diff.py",
        "if old is not at_rest.get(place) or value is old or not walk.alike(value, new):",
        "if old is not at_rest.get(place) or value is old:",
        ("tests/helpers/test_model_diff.py", "-k", "counts_up"),
    ),
    Fault(
        "audit overlooks what only a slot holds",
        "helpers/model_parts.py",
        "            found[name] = member.__get__(value)",
        "            pass",
        ("tests/helpers/test_model_diff.py", "-k", "hold and slots"),
    ),
    Fault(
        "audit overlooks what functions of the reader lead to",
        "helpers/sharing.py",
        "_CODE = (type, types.FunctionType)",
        "_CODE = ()",
        ("tests/helpers/test_model_diff.py", "-k", "belongs and global"),
    ),
    Fault(
        "a difference of a tenth counts as rounding",
        "helpers/distances.py",
        "return ROUNDING_UNITS * unit * float(largest)",
        "return 1e6 * unit * float(largest)",
        ("tests/helpers/test_distances.py",),
    ),
    Fault(
        "a weight with large numbers hides what training did to the others",
        "helpers/distances.py",
        "return min(rounding(array), PART_OF_MOVEMENT * moved) if moved else 0.0",
        "return 1.0",
        ("tests/helpers/test_distances.py", "tests/helpers/test_engine.py", "-k", "bit_for_bit or large_numbers"),
    ),
    Fault(
        "a future that was not tried counts as passed",
        "helpers/report.py",
        "    if any(check.passed for check in decisive):",
        "    if any(check.passed is not False for check in decisive):",
        ("tests/helpers/test_report.py", "tests/helpers/test_engine.py", "-k", "claimed or moved_nothing"),
    ),
    Fault(
        "a future that begins equal is called unequal from the start",
        "helpers/report.py",
        "        if apart == 0 and self.future and self.future[0] == 0.0:",
        "        if False:",
        ("tests/helpers/test_report.py", "-k", "has_a_line"),
    ),
    Fault(
        "training that moves nothing counts as a future",
        "helpers/engine.py",
        "        if not any(original.moved) and not any(clone.moved) and not apart:",
        "        if False:",
        ("tests/helpers/test_engine.py", "-k", "moved_nothing"),
    ),
    Fault(
        "a compiled training step leaves its models trained",
        "helpers/training.py",
        "            distances.assign(self._captured, before)\n",
        "            pass\n",
        ("tests/helpers/test_engine.py", "-k", "leaves_both_models"),
    ),
    Fault(
        "steps of the engine that differ are not noted",
        "helpers/engine.py",
        "                    if distance > allowed:",
        "                    if distance > allowed + 1.0:",
        ("tests/helpers/test_engine.py", "-k", "nudge or large_numbers"),
    ),
    Fault(
        "a number that is none counts as equal to any",
        "helpers/distances.py",
        "nan=np.inf, posinf=np.inf",
        "nan=0.0, posinf=np.inf",
        ("tests/helpers/test_distances.py",),
    ),
    Fault(
        "the method named weights file never loads the file",
        "workbook/methods.py",
        "        clone.load_weights(path)\n",
        "",
        ("tests/workbook/test_methods.py", "-k", "weights_file"),
    ),
    Fault(
        "a model that was never trained is not tried on a trained copy",
        "workbook/labs/method_table/run.py",
        "return clone if keras_compat.steps_made(clone.optimizer) else None",
        "return None",
        ("tests/workbook/labs/test_own_model.py", "-k", "never_trained"),
    ),
    Fault(
        "the method table shows a test that failed as one that was not tried",
        "workbook/labs/method_table/run.py",
        'SYMBOLS = {True: "✓", False: "✗", None: "○"}',
        'SYMBOLS = {True: "✓", False: "○", None: "○"}',
        ("tests/workbook/labs/test_method_table.py", "-k", "symbol_for_each_test"),
    ),
    Fault(
        "the evidence of the method table is open from the start",
        "workbook/labs/method_table/lab.py",
        '<details class="method-table-evidence">',
        '<details open class="method-table-evidence">',
        ("tests/workbook/labs/test_method_table.py", "-k", "folded_away"),
    ),
    Fault(
        "a target network has to keep the random state",
        "workbook/labs/own_model/purposes.py",
        '_ONLY_IN_TRAINING = (*_RANDOM_STATE, "layer settings")',
        '_ONLY_IN_TRAINING = ("layer settings",)',
        ("tests/workbook/labs/test_own_model.py", "-k", "each_purpose"),
    ),
    Fault(
        "an .h5 file may name any class without a module",
        "helpers/keras_files/hdf5.py",
        "        if kind in self._own or not found:\n",
        "        if kind in self._own:\n",
        ("tests/helpers/test_keras_files_hdf5.py", "-k", "could_do_harm"),
    ),
    Fault(
        "the interruption goes on from the wrong step",
        "workbook/labs/interruption/run.py",
        "        distances.assign(self._held, self._states[step])",
        "        distances.assign(self._held, self._states[max(step - 1, 0)])",
        ("tests/workbook/labs/test_interruption.py", "-k", "nothing_lost"),
    ),
    Fault(
        "a method has another colour where it is compared with others",
        "workbook/labs/framework/figure.py",
        "        found.append(known or free[0])",
        "        found.append(free[0])",
        ("tests/workbook/labs/test_figure.py", "-k", "one_look"),
    ),
    Fault(
        "a shared layer is drawn as an equal one",
        "workbook/labs/framework/models_drawing.py",
        "if any(id(weight) in held for",
        "if any(id(weight) is held for",
        ("tests/workbook/labs/test_models_drawing.py", "-k", "second_name"),
    ),
    Fault(
        "the picture draws no zero",
        "workbook/labs/framework/figure.py",
        'names = [self.zero, *free], ["0 exactly", ',
        'names = [self.zero, *free], ["", ',
        ("tests/workbook/labs/test_figure.py",),
    ),
    Fault(
        "any answer to a question is right",
        "workbook/lessons/quiz.py",
        "Outcome.RIGHT if option.right else Outcome.NOT_RIGHT",
        "Outcome.RIGHT",
        ("tests/workbook/lessons/test_quiz.py",),
    ),
    Fault(
        "*Run All* begins an endless loop again",
        "workbook/lessons/attempts.py",
        "        return stored or (self.exercise.key, self._digest) in _stopped",
        "        return False",
        ("tests/workbook/lessons/test_attempts.py", "-k", "run_again_by_itself"),
    ),
    Fault(
        "the stop button does nothing while a lab works",
        "workbook/labs/framework/scheduler.py",
        "            with stoppable():\n                return next(self._current)",
        "            return next(self._current)",
        ("tests/workbook/labs/test_stopping.py", "-k", "started_again"),
    ),
    Fault(
        "a wrong answer forgets that the exercise was solved before",
        "workbook/lessons/progress.py",
        "solved = feedback.outcome.passed or (key in entries and entries[key].solved)",
        "solved = feedback.outcome.passed",
        ("tests/workbook/lessons/test_progress.py",),
    ),
    Fault(
        "half a character in a stored answer stops every later one",
        "workbook/lessons/progress.py",
        "stream, indent=1)",
        "stream, indent=1, ensure_ascii=False)",
        ("tests/workbook/lessons/test_progress.py", "-k", "half_a_character"),
    ),
    Fault(
        "stored progress may be of any type",
        "workbook/lessons/progress.py",
        "if answer is None or isinstance(answer, str) else None",
        "",
        ("tests/workbook/lessons/test_progress.py", "-k", "wrong_types or nesting"),
    ),
    Fault(
        "the progress panel does not follow the answers",
        "workbook/lessons/progress.py",
        "    _tell_listeners()\n    return None",
        "    return None",
        ("tests/workbook/lessons/test_progress.py", "-k", "each_answer"),
    ),
    Fault(
        "to go on is always to begin with the first lesson",
        "workbook/lessons/progress.py",
        "for i, lesson in enumerate(found) if lesson.begun",
        "for i, lesson in enumerate(found) if not i",
        ("tests/workbook/lessons/test_progress.py", "-k", "where_to_go_on"),
    ),
    Fault(
        "the link to go on leads to the first heading",
        "workbook/lessons/places.py",
        "re.M)[::-1]), heading)",
        "re.M)[::-1]), heading) if heading is None else heading",
        ("tests/workbook/lessons/test_places.py",),
    ),
    Fault(
        "a kernel of the classroom can raise its memory limit",
        "classroom/student_server.py",
        "(wanted, wanted)",
        "(wanted, hard)",
        ("tests/delivery/test_classroom.py", "-k", "raise_the_limit"),
    ),
    Fault(
        "whoever is on the machine can subscribe to a student's kernel",
        "classroom/student_server.py",
        'return ["--KernelManager.transport_encryption=auto"]',
        "return []",
        ("tests/delivery/test_classroom.py", "-k", "encrypted"),
    ),
    Fault(
        "everyone can enter the folder of the kernels' sockets",
        "classroom/student_server.py",
        "folder.chmod(0o700)",
        "folder.chmod(0o755)",
        ("tests/delivery/test_classroom.py", "-k", "sockets or kernels_socket"),
    ),
    Fault(
        "a claim that holds in part counts as true",
        "workbook/lessons/claims/trial.py",
        "HOLDS if all(true)",
        "HOLDS if any(true)",
        ("tests/workbook/lessons/test_claims.py",),
    ),
    Fault(
        "a lab does not say that its picture is old",
        "workbook/labs/framework/panel.py",
        "        self._mark(stale=True)\n        self._say(_EARLIER)\n",
        "",
        ("tests/workbook/labs/test_layer_lab.py",),
    ),
    Fault(
        'a file may read weights from another file',
        "helpers/keras_files/archive.py",
        'if item.external or item.is_virtual:',
        'if item.is_virtual:',
        ("tests/helpers/test_keras_files.py", "-k", "stand_in_another_file"),
    ),
    Fault(
        'a file may name any class in any module',
        "helpers/keras_files/config.py",
        'if cls is None or registered not in (None, kind):',
        'if False:',
        ("tests/helpers/test_keras_files.py", "-k", "refused_before_keras_sees_it"),
    ),
    Fault(
        'a constant in a file may name a module',
        "helpers/keras_files/config.py",
        'accepted = value.keys() <= {"class_name", "config"}',
        'accepted = True',
        ("tests/helpers/test_keras_files.py", "-k", "takes_a_module"),
    ),
    Fault(
        'a type of tensors in a file may be looked up by name',
        "helpers/keras_files/config.py",
        'return known and value.keys() <= fields and value.get("registered_name", 0) is None',
        'return True',
        ("tests/helpers/test_keras_files.py", "-k", "takes_a_module"),
    ),
    Fault(
        'a file may make a class of the reader without leave',
        "helpers/keras_files/__init__.py",
        '_state(value, "withheld") for key, value in withheld.items()',
        '_state(value, "class") for key, value in withheld.items()',
        ("tests/helpers/test_keras_files.py", "-k", "leave_alone"),
    ),
    Fault(
        'a file may call a function of the reader',
        "helpers/keras_files/config.py",
        '        if state == "function":\n',
        '        if False:\n',
        ("tests/helpers/test_keras_files.py", "-k", "function_of_the_reader"),
    ),
    Fault(
        'a file may act while it is tried',
        "helpers/keras_files/child.py",
        '        _watch()\n',
        '',
        ("tests/helpers/test_keras_files.py", "-k", "second_guard"),
    ),
    Fault(
        'a file may hold any number of members',
        "helpers/keras_files/archive.py",
        'if content.count(_ENTRY) > refusal.MAX_MEMBERS:',
        'if False:',
        ("tests/helpers/test_keras_files.py", "-k", "too_many_members"),
    ),
    Fault(
        'a file may compute with constants while it is loaded',
        "helpers/keras_files/config.py",
        'all(_refers(node, self._generation) for node in nodes)',
        'True',
        ("tests/helpers/test_keras_files.py", "-k", "constants_alone"),
    ),
    Fault(
        "an error in a lab teaches nothing",
        "workbook/errors.py",
        'r"Invalid filepath extension for saving",',
        'r"Invalid file path extension for saving",',
        (
            "tests/workbook/labs/test_interruption.py",
            "tests/workbook/labs/test_save_load.py",
            "-k",
            "other_way or loud or any_setting",
        ),
    ),
    Fault(
        "an old Linux is told nothing",
        "run.py",
        "[int(n) for n in number.split(\".\")[:2]] < [2, 27]",
        "[int(n) for n in number.split(\".\")[:2]] < [2, 0]",
        ("tests/delivery/test_delivery.py",),
    ),
    Fault(
        "notebook 00: the model learns nothing",
        "notebooks/00_start_here.ipynb",
        "model.fit(images, labels, epochs=10, verbose=0)",
        "model.evaluate(images, labels, verbose=0)",
        ("notebooks/00_start_here.ipynb",),
    ),
    Fault(
        "a claim's program does not hand the weights over",
        "workbook/lessons/claims/lesson_02.py",
        "        called.set_weights(model.get_weights())",
        "        called.get_weights()",
        ("tests/workbook/lessons/test_claims.py",),
    ),
    Fault(
        "lesson 05: a lost regulariser is not named",
        "workbook/lessons/lesson_05.py",
        "if trial.result.losses or not trial.original.losses:",
        "if True:",
        ("tests/workbook/lessons/test_lesson_05.py",),
    ),
    Fault(
        "notebook 03: the table of errors has a message that Keras does not give",
        "notebooks/03_why_a_clone_will_not_load.ipynb",
        "`Could not locate class`",
        "`Could not find class`",
        ("tests/workbook/lessons/test_lesson_03.py",),
    ),
    Fault(
        "exercise of notebook 03: a load is accepted that compares in one direction only",
        "workbook/lessons/lesson_03.py",
        "    for change in (1e-4, -1e-4, 3e-5):",
        "    for change in (1e-4, 3e-5):",
        ("tests/workbook/lessons/test_lesson_03.py",),
    ),
    Fault(
        "exercise of notebook 04: a training may be resumed from memory",
        "workbook/lessons/lesson_04.py",
        "        stop(other, other_folder)\n",
        "",
        ("tests/workbook/lessons/test_lesson_04.py",),
    ),
    Fault(
        "exercise of notebook 04: a callback may remember outside its file",
        "workbook/lessons/lesson_04.py",
        '        _evening(answer, desk / "stopping", 0, [5.0, 6.0])\n',
        "",
        ("tests/workbook/lessons/test_lesson_04.py",),
    ),
    Fault(
        "notebook 04: it opens without its minutes",
        "notebooks/04_save_and_resume_without_loss.ipynb",
        "**Time:**",
        "**Clock:**",
        ("tests/notebooks/test_notebooks.py", "tests/workbook/lessons/test_lesson_00.py"),
    ),
    Fault(
        "notebook 07: a recipe needs another one to have run",
        "notebooks/07_recipes.ipynb",
        "optimizer.build(copied.trainable_variables)",
        "optimizer.build(target.trainable_variables)",
        ("tests/notebooks/test_recipes.py", "-k", "own_names"),
    ),
    Fault(
        "the site does not know an anchor of JupyterLab",
        "tools/site/pages.py",
        'words.lower()).replace(" ", "-") or "part"',
        'words).replace(" ", "-") or "part"',
        ("tests/browser/test_site.py", "-k", "anchors"),
    ),
    Fault(
        "a prepared kernel stays in the folder of the server",
        "workbook/server/prepared_kernel.py",
        "os.chdir({folder!r})",
        "pass",
        ("tests/workbook/server/test_prepared_kernel.py", "-k", "only_one_of_two"),
    ),
    Fault(
        "a prepared kernel is handed out although other environment variables are asked for",
        "workbook/server/prepared_kernel.py",
        "return own == asked and bool(",
        "return bool(",
        ("tests/workbook/server/test_prepared_kernel.py", "-k", "different_kernel"),
    ),
    Fault(
        "the import in a prepared kernel counts as a cell",
        "workbook/server/prepared_kernel.py",
        "silent=True, store_history=False, stop_on_error=False",
        "silent=False, store_history=True, stop_on_error=False",
        ("tests/workbook/server/test_prepared_kernel.py", "-k", "cannot_tell"),
    ),
    Fault(
        "a restarted kernel is in the folder of the server",
        "workbook/server/prepared_kernel.py",
        '"cwd": folder, "env": kwargs["env"]}',
        '"env": kwargs["env"]}',
        ("tests/workbook/server/test_prepared_kernel.py", "-k", "restart_starts_anew"),
    ),
    Fault(
        "a kernel that has ended is handed out",
        "workbook/server/prepared_kernel.py",
        "return process is not None and process.poll() is None and self._requests is not None",
        "return self._requests is not None",
        ("tests/workbook/server/test_prepared_kernel.py", "-k", "has_ended"),
    ),
    Fault(
        "the kernel that is to be ready does not pause while another works",
        "workbook/server/prepared_kernel.py",
        "self._prepared.pause()",
        "pass",
        ("tests/workbook/server/test_prepared_kernel.py", "-k", "pauses_while"),
    ),
)  # fmt: skip


def pytest(folder: Path, tests: tuple[str, ...]) -> tuple[bool, str]:
    """Run tests in a folder; return whether all passed, and the first line that reports a failure."""
    environment = dict(os.environ, PYTHONPATH=str(folder), MODEL_CLONING_PROGRESS="")
    command = [sys.executable, "-m", "pytest", "-n0", "-q", "-x", "-rfE", "-p", "no:cacheprovider", *tests]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    lines = done.stdout.strip().splitlines()
    if done.returncode not in (0, 1) or not lines:
        sys.exit(f"pytest could not run {' '.join(tests)}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    told = [line for line in lines if line.startswith(("FAILED", "ERROR"))]
    return done.returncode == 0, (told or lines)[-1]


def main() -> int:
    """Try the faults; return the number of faults that no test noticed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("words", nargs="*", help="only faults whose description contains one of these")
    parser.add_argument("--just-passed", action="store_true", help="the suite has just passed: do not run it first")
    options = parser.parse_args()
    chosen = [fault for fault in FAULTS if not options.words or any(word in fault.what for word in options.words)]
    missed = 0
    with tempfile.TemporaryDirectory() as name:
        ignored = shutil.ignore_patterns(".venv", ".git", "artefacts", "__pycache__", ".ipynb_checkpoints")
        folder = Path(shutil.copytree(ROOT, Path(name, "workbook"), ignore=ignored, symlinks=True))
        for tests in () if options.just_passed else dict.fromkeys(fault.tests for fault in chosen):
            passed, told = pytest(folder, tests)
            if not passed:
                sys.exit(f"Without any fault, {' '.join(tests)} fails already: {told}")
        for fault in chosen:
            file = folder / fault.file
            text = file.read_text(encoding="utf-8")
            file.write_text(text.replace(fault.old, fault.new), encoding="utf-8")
            start = time.perf_counter()
            passed, told = pytest(folder, fault.tests)
            file.write_text(text, encoding="utf-8")
            missed += passed
            seconds = time.perf_counter() - start
            print(
                f"{'MISSED' if passed else 'noticed'}  {fault.what} ({seconds:.0f} s)\n         {told[:160]}",
                flush=True,
            )
    print(f"{len(chosen) - missed} of {len(chosen)} faults were noticed.")
    return missed


if __name__ == "__main__":
    sys.exit(main())
