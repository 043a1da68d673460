"""The picture of the digits shows each model's answers, and says in words how many are right."""

import numpy as np
import pytest

from workbook import digits, load_digits, show_digits
from workbook.labs.framework import figure as plots


def reader_of(answers):
    """A classifier that gives these answers, in turn."""
    return lambda images: np.eye(10)[np.resize(answers, len(images))]


@pytest.fixture
def ten():
    images, labels = load_digits()
    return images[:10], labels[:10]


@pytest.fixture
def said(monkeypatch):
    """The sentences of the pictures that are shown."""
    sentences = []
    monkeypatch.setattr(plots, "show", lambda figure, alt: sentences.append(alt))
    return sentences


def test_the_words_name_each_model(ten, said):
    images, labels = ten
    show_digits(images, labels, {"model": reader_of(labels), "clone": reader_of([labels[0]])})
    words = "model: more than 8 of 10 right.\nclone: no better than guessing."
    assert said == [f"Ten of the digits, and what is read in them. Of all the digits:\n{words}"]


def test_without_models_the_right_digits_are_named(ten, said):
    show_digits(*ten)
    assert said == ["Ten of the digits. People wrote 0, 1, 2, 3, 4, 5, 6, 7, 8 and 9."]


def test_a_wrong_answer_is_crossed_out_and_has_a_different_colour(ten):
    images, labels = ten
    figure = digits._figure(images, labels, {"clone": np.where(labels == 3, 5, labels)})
    texts = {text.get_text(): text.get_color() for text in figure.texts}
    assert texts["✗ 5"] != texts["4"]
    assert "3" not in texts
