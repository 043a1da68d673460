"""Shared phrases are grammatical."""

from workbook import text


def test_articles_follow_the_first_letter():
    assert [text.with_article(word) for word in ("ValueError", "OSError", "input")] == [
        *("a ValueError", "an OSError", "an input")
    ]


def test_words_are_joined_and_a_zero_distance_says_so():
    assert text.join_words(["a", "b", "c"]) == "a, b and c"
    assert text.format_distance(0.0) == "0 exactly"
