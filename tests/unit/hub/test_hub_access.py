"""Whose token the hub gets, and that nobody else does."""

from __future__ import annotations

import json
import logging
import time
from pathlib import Path

import pytest

from desktop.core.hub.access import web_settings
from desktop.core.hub.client import Hub
from desktop.core.paths import paths
from desktop.core.secrets import FileBackend, Secrets
from desktop.core.web import WebSettings
from tests.helpers.file_server import FileServer

MODELS = "/api/models"


def token_of(settings: WebSettings) -> str | None:
    if settings.token is not None or settings.stored_token is None:
        return settings.token
    return settings.stored_token()


def environ(tmp_path: Path, **more: str) -> dict[str, str]:
    return {"HF_HOME": str(tmp_path / "hf"), "PADDOCK_HOME": str(tmp_path / "home"), **more}


def write_token(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "hf" / "token"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return path


def test_the_order_of_tokens(tmp_path: Path) -> None:
    env = environ(tmp_path)
    where = paths(env)
    assert token_of(web_settings(where, env)) is None
    write_token(tmp_path, "hf_of_other_tools\n")
    assert token_of(web_settings(where, env)) == "hf_of_other_tools"
    FileBackend(where.secrets_file).set("hub_token", "hf_own")
    assert token_of(web_settings(where, env)) == "hf_own"
    assert token_of(web_settings(where, {**env, "HF_TOKEN": " hf_env "})) == "hf_env"


def test_the_services_own_secrets_are_used(tmp_path: Path) -> None:
    secrets = Secrets(lambda: FileBackend(tmp_path / "elsewhere.json"))
    secrets.set("hub_token", "hf_service")
    env = environ(tmp_path)
    settings = web_settings(paths(env), env, secrets)
    assert token_of(settings) == "hf_service"
    secrets.set("hub_token", "hf_newer")  # no restart is needed
    assert token_of(settings) == "hf_newer"


def test_where_other_tools_keep_their_token(tmp_path: Path) -> None:
    elsewhere = tmp_path / "my token"
    elsewhere.write_text("hf_elsewhere")
    env = environ(tmp_path, HF_TOKEN_PATH=str(elsewhere))
    assert token_of(web_settings(paths(env), env)) == "hf_elsewhere"
    cache = tmp_path / "xdg" / "huggingface" / "token"
    cache.parent.mkdir(parents=True)
    cache.write_text("hf_xdg")
    bare = {"PADDOCK_HOME": str(tmp_path / "home"), "XDG_CACHE_HOME": str(tmp_path / "xdg")}
    assert token_of(web_settings(paths(bare), bare)) == "hf_xdg"
    asked_not_to = {**bare, "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1"}
    assert token_of(web_settings(paths(bare), asked_not_to)) is None


@pytest.mark.parametrize("text", ["", "two words", "hf_ü", "hf\nhf", "x" * 600, "abc"])
def test_a_file_that_holds_no_token(tmp_path: Path, text: str) -> None:
    write_token(tmp_path, text)
    env = environ(tmp_path)
    assert token_of(web_settings(paths(env), env)) is None


def test_a_login_that_has_run_out_is_not_sent(tmp_path: Path) -> None:
    path = write_token(tmp_path, "hf_oauth_old")
    env = environ(tmp_path)
    stored = path.with_name("stored_tokens")
    section = "[mine]\nhf_token = hf_oauth_old\nexpires_at = {}\n"
    stored.write_text(section.format(round(time.time()) - 5))
    assert token_of(web_settings(paths(env), env)) is None
    stored.write_text(section.format(round(time.time()) + 500))
    assert token_of(web_settings(paths(env), env)) == "hf_oauth_old"


def test_secrets_that_cannot_be_read_do_not_stop_anybody(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = write_token(tmp_path, "hf_other_tools")
    path.with_name("stored_tokens").write_text("hf_secret = without a section")
    env = environ(tmp_path)
    where = paths(env).ensure()
    where.secrets_file.write_text("{broken")
    with caplog.at_level(logging.INFO):
        assert token_of(web_settings(where, env)) == "hf_other_tools"
    assert "cannot be read" in caplog.text
    assert "hf_secret" not in str([vars(record) for record in caplog.records])


def test_the_keychain_is_asked_only_when_the_hub_is(tmp_path: Path) -> None:
    asked: list[str] = []

    def stored() -> str:
        asked.append("keychain")
        return "hf_kept"

    with FileServer() as elsewhere, FileServer() as hub:
        hub.add(MODELS, json.dumps([]).encode())
        elsewhere.add("/file", b"x")
        settings = WebSettings(endpoint=hub.url, stored_token=stored)
        from desktop.core import web

        web.run(lambda each: each.body(f"{elsewhere.url}/file", 10), settings)
        assert asked == []
        Hub(settings, tmp_path).search("x")
        assert asked == ["keychain"]
        assert hub.asked[0].headers["Authorization"] == "Bearer hf_kept"
        assert "Authorization" not in elsewhere.asked[0].headers


@pytest.mark.parametrize(
    ("value", "offline"), [("1", True), ("true", True), ("ON", True), ("0", False), ("", False)]
)
def test_offline_is_said_in_the_environment(tmp_path: Path, value: str, offline: bool) -> None:
    env = environ(tmp_path, HF_HUB_OFFLINE=value)
    assert web_settings(paths(env), env).offline is offline
