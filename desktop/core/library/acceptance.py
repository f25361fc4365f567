"""Whether a model was found to work here: the marks of the test that a new model gets once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, get_args

CheckName = Literal[
    "loads", "template", "stops", "tools", "schema", "thinking", "embeddings", "vision"
]
Mark = Literal["passed", "failed", "skipped"]
CHECKS: tuple[CheckName, ...] = get_args(CheckName)  # in the order in which they are shown
MARKS: tuple[Mark, ...] = get_args(Mark)


@dataclass(frozen=True)
class Check:
    """What one check came to.

    Attributes:
        code: why it has its mark; the key of the words in `acceptance_words`.
        params: what fills those words, as JSON.
    """

    name: CheckName
    mark: Mark
    code: str
    params: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        return {"name": self.name, "mark": self.mark, "code": self.code, "params": self.params}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Check:
        """The inverse of `to_dict`.

        Raises:
            KeyError, ValueError: it is none, or of a newer version.
        """
        name = next((each for each in CHECKS if each == data["name"]), None)
        mark = next((each for each in MARKS if each == data["mark"]), None)
        if name is None or mark is None:
            raise ValueError(f"no check: {data['name']!r}, {data['mark']!r}")
        return cls(name, mark, str(data["code"]), dict(data.get("params") or {}))


@dataclass(frozen=True)
class Acceptance:
    """All marks of one test.

    Attributes:
        created: seconds since 1970.
        build: the engine it was tried with.
    """

    created: float
    build: str
    checks: tuple[Check, ...]

    @property
    def failed(self) -> tuple[Check, ...]:
        return tuple(check for check in self.checks if check.mark == "failed")

    def to_dict(self) -> dict[str, Any]:
        """As it is stored and sent."""
        checks = [check.to_dict() for check in self.checks]
        return {"created": self.created, "build": self.build, "checks": checks}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Acceptance:
        """The inverse of `to_dict`.

        Raises:
            KeyError, ValueError, TypeError: it is none, or of a newer version.
        """
        checks = tuple(Check.from_dict(each) for each in data["checks"])
        return cls(float(data["created"]), str(data["build"]), checks)
