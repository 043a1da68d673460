"""Settings of a lab: each is declared once, with its default, its labels and its description.

Everything else follows from the declaration: wrong values are refused, `replace` returns changed settings, and the
panel makes a control for each setting.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypeVar

_S = TypeVar("_S", bound="LabSettings")
_KEY = "setting"  # key of the declaration in the metadata of a dataclass field


@dataclass(frozen=True)
class Setting:
    """The declaration of a setting.

    Args:
        description: A few words beside the control.
    """

    description: str

    def check(self, name: str, value: Any) -> None:
        """Raise a ValueError if the value is not valid."""


@dataclass(frozen=True)
class Choice(Setting):
    """One of several names.

    Args:
        description: A few words that stand beside the control.
        labels: The labels that a reader sees, by name.
    """

    labels: Mapping[str, str]

    def check(self, name: str, value: Any) -> None:
        """Raise a ValueError if there is no such name."""
        if value not in self.labels:
            raise ValueError(f"Unknown {name}: {value!r}. Use one of {', '.join(map(repr, self.labels))}.")


@dataclass(frozen=True)
class Integer(Setting):
    """A whole number.

    Args:
        description: A few words that stand beside the control.
        least: The smallest value.
        most: The largest value.
        step: Distance between the values that a slider offers.
        typed: Whether the number is typed into a box instead of set with a slider.
    """

    least: int
    most: int
    step: int = 1
    typed: bool = False

    def check(self, name: str, value: Any) -> None:
        """Raise a ValueError if the number is out of bounds."""
        if not self.least <= value <= self.most:
            raise ValueError(f"{name} is {value!r}. Use a number from {self.least} to {self.most}.")


@dataclass(frozen=True)
class Flag(Setting):
    """Yes or no."""


@dataclass(frozen=True)
class Text(Setting):
    """A text; programs may pass an object instead.

    Args:
        description: A few words that stand beside the control.
        placeholder: Text in the control while it is empty.
    """

    placeholder: str = ""


def choice(default: str, labels: Mapping[str, str], description: str) -> Any:
    """Declare a setting that is one of several names.

    Args:
        default: The name that is chosen unless another is given.
        labels: The labels that a reader sees, by name.
        description: A few words that stand beside the control.

    Returns:
        A dataclass field.

    Example:
        >>> @dataclass(frozen=True)
        ... class TeaSettings(LabSettings):
        ...     kind: str = choice("green", {"green": "Green tea", "black": "Black tea"}, "Which tea")
        >>> TeaSettings(kind="red")
        Traceback (most recent call last):
        ValueError: Unknown kind: 'red'. Use one of 'green', 'black'.
    """
    return _field(default, Choice(description, MappingProxyType(labels)))


def integer(default: int, description: str, least: int, most: int, step: int = 1, typed: bool = False) -> Any:
    """Declare a setting that is a whole number.

    Args:
        default: The value unless another is given.
        description: A few words that stand beside the control.
        least: The smallest value.
        most: The largest value.
        step: Distance between the values that a slider offers.
        typed: Whether the number is typed into a box instead of set with a slider.

    Returns:
        A dataclass field.

    Example:
        >>> integer(16, "Units", 1, 64).default
        16
    """
    return _field(default, Integer(description, least, most, step, typed))


def flag(default: bool, description: str) -> Any:
    """Declare a setting that is yes or no.

    Args:
        default: The value unless another is given.
        description: A few words that stand beside the checkbox.

    Returns:
        A dataclass field.

    Example:
        >>> flag(True, "The learning rate falls").default
        True
    """
    return _field(default, Flag(description))


def text(description: str, placeholder: str = "") -> Any:
    """Declare a setting that is a text, empty unless one is given.

    Args:
        description: A few words that stand beside the control.
        placeholder: Text in the control while it is empty.

    Returns:
        A dataclass field.

    Example:
        >>> text("Model").default
        ''
    """
    return _field("", Text(description, placeholder))


def _field(default: Any, setting: Setting) -> Any:
    return dataclasses.field(default=default, metadata={_KEY: setting})


@dataclass(frozen=True)
class LabSettings:
    """All inputs of a run of a lab.

    A lab derives a frozen dataclass. Fields made by `choice`, `integer`, `flag` and `text` have a control in the panel,
    in the order of their definition; a plain field has none.

    Raises:
        ValueError: If a value is not valid for its setting.

    Example:
        >>> @dataclass(frozen=True)
        ... class CupSettings(LabSettings):
        ...     cups: int = integer(1, "Cups", 1, 9)
        >>> CupSettings().replace(cups=2)
        CupSettings(cups=2)
    """

    def __post_init__(self) -> None:
        for name, setting in self.declared().items():
            setting.check(name, getattr(self, name))

    @classmethod
    def declared(cls) -> dict[str, Setting]:
        """Return the declarations of the settings that have a control, by the name of the field."""
        return {field.name: field.metadata[_KEY] for field in dataclasses.fields(cls) if _KEY in field.metadata}

    def replace(self: _S, **changes: Any) -> _S:
        """Return a copy with some settings changed.

        Args:
            **changes: New values by the name of the field.

        Returns:
            The changed settings.

        Raises:
            ValueError: If a new value is not valid for its setting.
        """
        return dataclasses.replace(self, **changes)
