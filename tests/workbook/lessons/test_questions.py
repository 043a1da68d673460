"""The form of a question does not give its answer away: who picks by a rule of thumb is no better than chance."""

import importlib
import re

import pytest

from workbook.lessons.quiz import Question

LESSONS = [importlib.import_module(f"workbook.lessons.lesson_{number:02}") for number in range(7)]
QUESTIONS = [value for lesson in LESSONS for value in vars(lesson).values() if isinstance(value, Question)]
HEDGES = {"but", "less", "neither", "none", "no", "not", "only", "other", "some", "unequal"}


def words(text):
    return re.findall(r"[\w.]+", text.lower())


def likeness(label, question):
    """How many of its words a label has in common with the others: a right answer is often varied into wrong ones."""
    own = set(words(label))
    others = [set(words(other)) for other in question.labels if other != label]
    return sum(len(own & other) / len(own | other) for other in others)


RULES = {
    "length": lambda label, question: len(label),
    "likeness to the others": likeness,
    "hedges": lambda label, question: len(HEDGES & set(words(label))),
    "place": lambda label, question: question.labels.index(label),
    "middle place": lambda label, question: question.labels.index(label) in (1, 2),
}


def hits(score, best):
    """How many answers are right if one picks the label with the best score, or any of those that share it."""
    total = 0.0
    for question in QUESTIONS:
        scores = [score(option.label, question) for option in question.options]
        picked = [option.right for option, value in zip(question.options, scores, strict=True) if value == best(scores)]
        total += sum(picked) / len(picked)
    return total


@pytest.mark.parametrize("best", [max, min])
@pytest.mark.parametrize("rule", RULES)
def test_a_rule_of_thumb_does_not_find_the_right_answers(rule, best):
    assert hits(RULES[rule], best) <= 0.4 * len(QUESTIONS)


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.key)
def test_the_options_are_alike_in_length(question):
    lengths = [len(label) for label in question.labels]
    assert max(lengths) - min(lengths) <= 15


def test_the_right_answers_are_spread_over_the_places():
    places = [[option.right for option in question.options].index(True) for question in QUESTIONS]
    assert {len(question.options) for question in QUESTIONS} == {4}
    assert all(abs(places.count(place) - len(QUESTIONS) / 4) <= 2 for place in range(4))
    assert all(places[i : i + 3] != places[i + 3 : i + 6] for i in range(len(places) - 5)), "a pattern"
