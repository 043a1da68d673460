"""Settings of a lab: validation, `replace` and controls follow from one declaration."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from workbook import labs
from workbook.labs.birth.run import BirthSettings
from workbook.labs.framework import panel
from workbook.labs.framework.settings import Integer, LabSettings, choice, flag, integer, text

PLACES = {"here": "Here", "there": "Over there"}


@dataclass(frozen=True)
class Example(LabSettings):
    place: str = choice("here", PLACES, "Where")
    count: int = integer(3, "How many", 1, 9, step=2)
    seed: int = integer(0, "Seed", 0, 99, typed=True)
    loud: bool = flag(False, "Out loud")
    name: str = text("Name", "anything")
    steps: int = 40


def test_a_wrong_value_is_refused_and_the_message_says_what_is_possible():
    with pytest.raises(ValueError, match=r"Unknown place: 'nowhere'\. Use one of 'here', 'there'\."):
        Example(place="nowhere")
    with pytest.raises(ValueError, match=r"count is 10\. Use a number from 1 to 9\."):
        Example().replace(count=10)


def test_changed_settings_are_of_the_same_class_and_the_first_stay_as_they_are():
    first = Example(count=5)
    second = first.replace(place="there")
    assert type(second) is Example and second == Example("there", 5) and first == Example(count=5)


def test_a_plain_field_has_no_control():
    assert list(Example.declared()) == ["place", "count", "seed", "loud", "name"]
    assert Example.declared()["count"] == Integer("How many", 1, 9, 2)


def test_a_panel_has_a_control_for_each_declared_setting():
    lab = labs.BirthLab(BirthSettings(step=0))
    assert list(lab._by_field) == list(BirthSettings.declared())
    for field, setting in BirthSettings.declared().items():
        assert lab.control(field).description == setting.description
        assert lab.control(field).value == getattr(lab.preset, field)


def test_every_kind_of_setting_has_its_control():
    made = {name: panel._widget(setting) for name, setting in Example.declared().items()}
    kinds = {name: kind.__name__ for name, (kind, _) in made.items()}
    assert kinds == {
        "place": "Dropdown",
        "count": "IntSlider",
        "seed": "_WholeNumber",
        "loud": "Checkbox",
        "name": "Text",
    }
    assert made["place"][1]["options"] == [("Here", "here"), ("Over there", "there")]
    assert made["count"][1] == {"min": 1, "max": 9, "step": 2}
    assert made["name"][1]["placeholder"] == "anything"
