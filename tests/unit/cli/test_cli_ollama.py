"""The address for Ollama's clients, as the commands tell of it."""

from __future__ import annotations

from desktop.cli.parser import build
from tests.unit.cli.conftest import Paddock
from tests.unit.cli.fake_face import FakeFace


def test_status_tells_where_ollamas_clients_find_it(face: FakeFace, paddock: Paddock) -> None:
    public = {"on": True, "url": "http://127.0.0.1:8484", "host": "", "port": 8484}
    face.state["public"] = {**public, "ollama_url": "http://127.0.0.1:11434"}
    assert "For Ollama's clients: http://127.0.0.1:11434" in paddock("status").out
    face.state["public"] = {**public, "ollama_url": None}
    assert "Ollama" not in paddock("status").out


def test_serve_leaves_it_to_the_settings_unless_it_is_said() -> None:
    parser = build()
    asked = [
        parser.parse_args(["serve", *more]).ollama for more in ([], ["--ollama"], ["--no-ollama"])
    ]
    assert asked == [None, True, False]
