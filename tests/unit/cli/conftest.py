"""A fake private face beside each test that asks for one, and a way to run a command here."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from desktop.cli.app import run
from tests.unit.cli.fake_face import FakeFace


@dataclass(frozen=True)
class Ran:
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The one JSON document on stdout."""
        return json.loads(self.out)


Paddock = Callable[..., Ran]


@pytest.fixture
def paddock(capsys: pytest.CaptureFixture[str]) -> Paddock:
    """Run one command line in this process."""

    def call(*words: str) -> Ran:
        capsys.readouterr()
        code = run(list(words))
        captured = capsys.readouterr()
        return Ran(code, captured.out, captured.err)

    return call


@pytest.fixture
def face(own_environment: Path) -> Iterator[FakeFace]:
    with FakeFace(own_environment) as fake:
        yield fake
