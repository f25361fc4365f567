"""Settings: one file that survives damage, newer versions and hand-made mistakes."""

from pathlib import Path

import pytest
from tomlkit.toml_document import TOMLDocument

from desktop.core.errors import AppError, ErrorCode
from desktop.core.settings import SECTIONS, Settings, SettingsFile


def test_defaults_are_closed(tmp_path: Path) -> None:
    settings = SettingsFile(tmp_path / "settings.toml", {}).settings
    assert settings.server.host == "127.0.0.1"
    assert settings.server.port == 8484
    assert settings.server.allowed_origins == []
    assert not (tmp_path / "settings.toml").exists()


def test_every_setting_has_a_title() -> None:
    assert SECTIONS.keys() == Settings.model_fields.keys()
    for section in SECTIONS.values():
        for name, field in section.model_fields.items():
            assert field.title, name


def test_change_keeps_comments_and_unknown_keys(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    path.write_text('version = 1\n[server]\nport = 9000 # mine\n[future]\nkey = "kept"\n')
    settings = SettingsFile(path, {}).change({"server.host": "127.0.0.2"})
    text = path.read_text()
    assert settings.server.port == 9000
    assert "# mine" in text and 'key = "kept"' in text and "127.0.0.2" in text
    assert SettingsFile(path, {}).settings == settings


def test_removing_a_value_restores_its_default(tmp_path: Path) -> None:
    file = SettingsFile(tmp_path / "settings.toml", {})
    file.change({"server.port": 9000})
    assert file.change({"server.port": None}).server.port == 8484


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"[server\nport=", b'version = "x"\n'])
def test_damaged_file_is_kept_aside_and_told(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "settings.toml"
    path.write_bytes(content)
    file = SettingsFile(path, {})
    assert file.settings == Settings()
    assert [notice.code for notice in file.notices] == ["settings_damaged"]
    aside = list(tmp_path.glob("settings.toml.damaged-*"))
    assert [p.read_bytes() for p in aside] == [content]


def test_a_bad_value_falls_back_alone(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    path.write_text('version = 1\n[server]\nport = 99999\nhost = "127.0.0.9"\n')
    file = SettingsFile(path, {})
    assert file.settings.server.port == 8484
    assert file.settings.server.host == "127.0.0.9"
    assert "99999" in file.notices[0].text


def test_newer_file_is_refused_untouched(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    path.write_text("version = 99\n")
    with pytest.raises(AppError) as caught:
        SettingsFile(path, {})
    assert caught.value.code is ErrorCode.SETTINGS_NEWER
    assert path.read_text() == "version = 99\n"


def test_upgrade_runs_once_and_is_stored(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    path.write_text("version = 1\n[server]\nlisten_port = 9001\n")

    def rename(document: TOMLDocument) -> None:
        table = document["server"]
        table["port"] = table.pop("listen_port")  # type: ignore[index,union-attr]

    file = SettingsFile(path, {}, upgrades={1: rename}, version=2)
    assert file.settings.server.port == 9001
    assert "version = 2" in path.read_text() and "listen_port" not in path.read_text()
    assert SettingsFile(path, {}, upgrades={}, version=2).settings.server.port == 9001


def test_environment_overrides_for_one_process(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    environ = {"PADDOCK_SERVER_PORT": "9002", "PADDOCK_SERVER_HOST": "127.0.0.3"}
    assert SettingsFile(path, environ).settings.server.port == 9002
    assert SettingsFile(path, environ).settings.server.host == "127.0.0.3"
    with pytest.raises(AppError) as caught:
        SettingsFile(path, {"PADDOCK_SERVER_PORT": "many"})
    assert caught.value.code is ErrorCode.SETTING_INVALID


@pytest.mark.parametrize(
    "change", [{"server.port": 0}, {"server.colour": 1}, {"nothing": 1}, {"server.port": "x"}]
)
def test_invalid_change_writes_nothing(tmp_path: Path, change: dict[str, object]) -> None:
    path = tmp_path / "settings.toml"
    with pytest.raises(AppError) as caught:
        SettingsFile(path, {}).change(change)
    assert caught.value.code is ErrorCode.SETTING_INVALID
    assert not path.exists()
