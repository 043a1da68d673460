"""The verdicts on older versions of TensorFlow in notebooks and on the site."""

from __future__ import annotations

import pytest
from bs4 import BeautifulSoup

import workbook
from workbook.lessons import versions
from workbook.lessons.claims import methods, trial

HOLDS, IN_PART, NOT, UNTRIED = trial.HOLDS, trial.IN_PART, trial.NOT, trial.UNTRIED


@pytest.fixture
def verdicts(monkeypatch):
    """A function that replaces the stored verdicts with made-up ones on a claim 9.1."""

    def put(**found):
        keras = {"2.6": "2.6.0", "2.15": "2.15.0", "2.16": "3.1.1", "2.21": "3.15.1", "tf_keras": "2.21.0"}
        columns = {
            name: {"versions": {"keras": keras[name]}, "claims": {"9.1": {"verdict": verdict}}}
            for name, verdict in zip(keras, found["line"], strict=True)
        }
        monkeypatch.setattr(versions, "columns", lambda: columns)

    return put


@pytest.mark.parametrize(
    "line, sentence",
    [
        ([NOT] * 5, ""),
        ([NOT, UNTRIED, NOT, NOT, UNTRIED], ""),
        (
            [HOLDS, HOLDS, NOT, NOT, HOLDS],
            "From TensorFlow 2.6 to 2.15 it holds; from TensorFlow 2.16, Keras 3.1 on it does not hold; "
            "on tf_keras 2.21 it holds.",
        ),
        (  # it comes and goes
            [NOT, HOLDS, NOT, HOLDS, UNTRIED],
            "On TensorFlow 2.6 it does not hold; on TensorFlow 2.15 it holds; on TensorFlow 2.16, Keras 3.1 it does "
            "not hold; from TensorFlow 2.21, Keras 3.15 on it holds.",
        ),
        (
            [UNTRIED, HOLDS, HOLDS, HOLDS, IN_PART],
            "On TensorFlow 2.15 and later it holds; on tf_keras 2.21 it holds in part.",
        ),
    ],
)
def test_a_sentence_says_where_a_verdict_changes(verdicts, line, sentence):
    verdicts(line=line)
    assert versions.changes("9.1") == sentence


def test_the_table_has_every_claim_on_every_version():
    table = workbook.WhatHolds()
    soup = BeautifulSoup(table._repr_html_(), "html.parser")
    claims = [claim for each in versions.claims().values() for claim in each]
    names = list(versions.columns())
    rows = soup.select("tbody tr:not(.lesson)")
    assert [row.th.get_text() for row in rows] == [claim["number"] for claim in claims]
    for row, claim in zip(rows, claims, strict=True):
        cells = row.select("td.only")
        for cell, name in zip(cells, names, strict=True):
            found = versions.columns()[name]["claims"][claim["number"]]
            assert found["verdict"] == cell.strong.get_text()
            assert (f"{versions._key(name)}-holds" in row["class"]) == (found["verdict"] == HOLDS)
        assert ("never-changes" in row.get("class", [])) == (
            len({cell.strong.get_text() for cell in cells} - {UNTRIED}) < 2
        )
    assert f"{len(claims)} claims, tried on {len(names)} versions." in repr(table)


def test_a_version_is_chosen_with_radio_buttons_of_its_own():
    """Two tables on a page have separate choices; the newest version is chosen first."""
    tables = [BeautifulSoup(workbook.WhatHolds()._repr_html_(), "html.parser") for _ in range(2)]
    groups = [{button["name"] for button in table.select("input")} for table in tables]
    assert len(groups[0]) == 2 and not groups[0] & groups[1]
    assert [button["value"] for button in tables[0].select("input[checked]")] == ["2.21", "changes"]
    values = [button["value"] for button in tables[0].select("input[name$=version]")]
    assert values == list(versions.columns())
    style = tables[0].style.get_text()
    for name in values:
        assert f'input[value="{name}"]:checked) .only:not(.{versions._key(name)}) {{ display: none; }}' in style


def test_ways_of_cloning_are_shown_for_every_version():
    table = workbook.MethodsByVersion()
    soup = BeautifulSoup(table._repr_html_(), "html.parser")
    assert len(soup.select("table")) == len(table.names) > 0
    for shown in soup.select("table"):
        assert len(shown.select("tbody tr")) == len(methods.KINDS)
        assert len(shown.select("tbody td")) == len(methods.KINDS) * len(methods.METHODS)


def test_ways_of_cloning_lose_what_they_are_known_to_lose():
    """Well-known losses on these versions, which show that the verdicts detect a loss."""
    table = workbook.MethodsByVersion()
    verdict = table.verdict
    for name in table.names:
        assert verdict(name, "sequential", "clone") == "not the same future"  # a fresh optimizer
    assert verdict("2.21", "sequential", "keras") == verdict("2.0", "sequential", "h5") == "true"
    assert verdict("2.21", "dropout", "keras") == "not the same future"  # the random state
    assert verdict("2.21", "sequential", "folder") == "an error"  # Keras 3 saves to files only
    assert verdict("2.0", "adapted", "h5") == verdict("2.21", "flipout", "keras") == "there is none"
