"""Settings: declared once, stored in one `settings.toml`, overridable by the environment.

The file keeps what it does not know (another version's keys, the user's comments): only the keys
that were changed are written. A damaged file is set aside and defaults are used; a value out of its
range is replaced by its default; both are told as notices. `PADDOCK_<SECTION>_<NAME>` overrides a
value for one process.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import tomlkit
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from tomlkit.exceptions import TOMLKitError
from tomlkit.toml_document import TOMLDocument

from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import Notice
from desktop.core.files import set_aside, write_atomic
from desktop.core.notices import notice

VERSION = 1


class _Section(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, validate_default=True)


class ServerSettings(_Section):
    host: str = Field("127.0.0.1", title="Address the server listens on")
    port: int = Field(8484, ge=1, le=65535, title="Port of the server")
    require_key: bool = Field(False, title="Ask for a key on this machine too")
    allowed_origins: list[str] = Field(default=[], title="Web pages that may call the server")
    allowed_hosts: list[str] = Field(default=[], title="Further host names the server answers to")
    tls: Literal["off", "own", "self"] = Field("off", title="Encryption (TLS) of the server")
    tls_certificate: str | None = Field(None, title="File of the server's own certificate (PEM)")
    tls_key: str | None = Field(None, title="File of that certificate's key (PEM)")
    queue_limit: int = Field(512, ge=1, le=100_000, title="Requests that may wait")
    keep_minutes: float = Field(
        30.0, ge=-1, le=1_000_000, title="Minutes a model stays after its last answer"
    )
    preload: list[str] = Field(default=[], title="Models loaded when the server is switched on")
    model_map: dict[str, str] = Field(
        default={}, title="Models given for names that clients use, * standing for anything"
    )
    manage_models: bool = Field(False, title="Clients may get, delete and make models")
    ollama: bool = Field(False, title="Answer Ollama's clients on their own port too")
    ollama_port: int = Field(11434, ge=1, le=65535, title="Port for Ollama's clients")
    fetch_images: bool = Field(True, title="Fetch pictures that requests name by their address")
    metrics_with_keys: bool = Field(
        False, title="Count requests by the names of their keys in the metrics"
    )
    budget_webhook: str | None = Field(
        None,
        pattern=r"^https?://[^\s/]+",
        max_length=2000,
        title="Address that is told of budgets that run out",
    )
    exact_cache: bool = Field(False, title="Keep answers and give them again to the same request")
    exact_cache_mib: int = Field(64, ge=1, le=100_000, title="Most space of kept answers in MiB")
    exact_cache_days: float = Field(30, gt=0, le=10_000, title="Days that answers are kept")


class LibrarySettings(_Section):
    folders: list[str] = Field(default=[], title="Further folders and files with models")
    models_folder: str | None = Field(None, title="Folder that downloads go to")
    test_new_models: bool = Field(True, title="Try new models once when the machine is idle")


class DownloadSettings(_Section):
    connections: int = Field(8, ge=1, le=32, title="Most connections of a download")
    limit_mib_per_second: float | None = Field(
        None, gt=0, le=1_000_000, title="Speed limit of downloads in MiB per second"
    )


class EngineSettings(_Section):
    runtime: str = Field("environment", title="Engine in use")
    grace_seconds: float = Field(5.0, ge=0, le=60, title="Time an engine gets to stop by itself")


class LedgerSettings(_Section):
    keep_days: float = Field(
        400, ge=0, le=100_000, title="Days that requests stay in the ledger (0: for ever)"
    )
    store_prompts: bool = Field(False, title="Keep what API clients ask and are answered")
    prompt_days: float = Field(7, gt=0, le=100_000, title="Days that such texts are kept")


_Price = Annotated[float, Field(ge=0, le=1_000_000, allow_inf_nan=False)]


class PriceSettings(_Section):
    currency: str = Field("USD", pattern=r"^\S{1,8}$", title="Currency of all prices")
    electricity_per_kwh: _Price = Field(0, title="Price of a kilowatt-hour")
    busy_watts: _Price = Field(0, title="Watts this machine takes while it answers")
    idle_watts: _Price = Field(0, title="Watts it takes while it waits")
    hardware_per_hour: _Price = Field(0, title="Price of an hour of this machine at work")
    hosted: dict[str, Annotated[list[_Price], Field(min_length=2, max_length=3)]] = Field(
        default={},
        title="What a hosted model would cost for a million tokens in, out and cached, by model",
    )
    count_as: Literal["own", "hosted"] = Field(
        "own", title="What counts as the cost of a request: this machine's, or a hosted model's"
    )


class LoadDefaults(_Section):
    context_tokens: int | None = Field(None, ge=64, le=16_777_216, title="Context per request")
    slots: int | None = Field(None, ge=1, le=64, title="Requests answered at the same time")
    kv_type: Literal["f16", "q8_0", "q4_0"] = Field("f16", title="Type of the KV cache")
    check_memory: bool = Field(True, title="Refuse models that would not fit in memory")
    memory_limit_gib: float | None = Field(
        None, gt=0, le=1_048_576, title="Memory of this machine that models may take, in GiB"
    )


class GeneralSettings(_Section):
    language: Literal["system", "en", "ja"] = Field("system", title="Language")
    theme: Literal["system", "light", "dark", "contrast"] = Field("system", title="Look")


class Settings(_Section):
    """All settings; attributes are sections, their attributes are values."""

    server: ServerSettings = ServerSettings()
    library: LibrarySettings = LibrarySettings()
    downloads: DownloadSettings = DownloadSettings()
    engine: EngineSettings = EngineSettings()
    load: LoadDefaults = LoadDefaults()
    ledger: LedgerSettings = LedgerSettings()
    prices: PriceSettings = PriceSettings()
    general: GeneralSettings = GeneralSettings()


SECTIONS: dict[str, type[BaseModel]] = {
    "server": ServerSettings,
    "library": LibrarySettings,
    "downloads": DownloadSettings,
    "engine": EngineSettings,
    "load": LoadDefaults,
    "ledger": LedgerSettings,
    "prices": PriceSettings,
    "general": GeneralSettings,
}

Upgrade = Callable[[TOMLDocument], None]
# Version n to n+1, each a function that changes the document in place. Version 0 is a file that
# was written by hand without a version.
UPGRADES: dict[int, Upgrade] = {0: lambda document: None}


class SettingsFile:
    """The settings of one folder: reads on construction, writes on `change`.

    Raises:
        AppError: SETTINGS_NEWER; the file is left as it is.
    """

    def __init__(
        self,
        path: Path,
        environ: Mapping[str, str] = os.environ,
        upgrades: Mapping[int, Upgrade] = UPGRADES,
        version: int = VERSION,
    ) -> None:
        self._path = path
        self._environ = environ
        self._version = version
        self.notices: list[Notice] = []
        self._document = self._read(upgrades)
        self.settings = self._parse()

    def _read(self, upgrades: Mapping[int, Upgrade]) -> TOMLDocument:
        try:
            text = self._path.read_text("utf-8")
        except FileNotFoundError:
            return tomlkit.document()
        except (OSError, UnicodeDecodeError) as error:
            return self._damaged(str(error))
        try:
            document = tomlkit.parse(text)
            found = document.get("version", 0)
            if not isinstance(found, int) or isinstance(found, bool) or found < 0:
                raise ValueError(f"version is {found!r}")
        except (TOMLKitError, ValueError) as error:
            return self._damaged(str(error))
        if found > self._version:
            raise AppError(
                ErrorCode.SETTINGS_NEWER,
                path=str(self._path),
                found=int(found),
                known=self._version,
            )
        for step in range(int(found), self._version):
            upgrades[step](document)
        if found < self._version and found > 0:
            document["version"] = self._version
            self._write(document)
        return document

    def _damaged(self, reason: str) -> TOMLDocument:
        aside = set_aside(self._path, "damaged")
        self.notices.append(notice("settings_damaged", reason=reason, path=str(aside)))
        return tomlkit.document()

    def _parse(self) -> Settings:
        values: dict[str, dict[str, Any]] = {}
        for section, model in SECTIONS.items():
            stored = self._document.get(section, {})
            stored = stored.unwrap() if hasattr(stored, "unwrap") else stored
            if not isinstance(stored, dict):
                self._told(section, stored, "it is not a table")
                stored = {}
            values[section] = {}
            for name in model.model_fields:
                text = self._environ.get(f"PADDOCK_{section}_{name}".upper())
                if text is not None:
                    values[section][name] = _checked(model, section, name, _from_text(text))
                elif name in stored:
                    try:
                        values[section][name] = _checked(model, section, name, stored[name])
                    except AppError as error:
                        self._told(f"{section}.{name}", stored[name], error.params["reason"])
        return Settings.model_validate(values)

    def _told(self, name: str, value: Any, reason: str) -> None:
        self.notices.append(
            notice(
                "setting_replaced",
                name=name,
                value=repr(value),
                path=str(self._path),
                reason=reason,
            )
        )

    def change(self, changes: Mapping[str, Any]) -> Settings:
        """Set values by dotted name ("server.port") and write the file; None removes the value.

        Raises:
            AppError: SETTING_INVALID (nothing is written), DISK_FULL.
        """
        document = tomlkit.parse(tomlkit.dumps(self._document))
        for dotted, value in changes.items():
            section, _, name = dotted.partition(".")
            model = SECTIONS.get(section)
            if model is None or name not in model.model_fields:
                raise AppError(
                    ErrorCode.SETTING_INVALID,
                    name=dotted,
                    value=value,
                    reason="There is no such setting.",
                )
            if section not in document:
                document[section] = tomlkit.table()
            table: Any = document[section]
            if value is None:
                table.pop(name, None)
            else:
                table[name] = _checked(model, section, name, value)
        document["version"] = self._version
        self._write(document)
        self._document = document
        self.settings = self._parse()
        return self.settings

    def _write(self, document: TOMLDocument) -> None:
        write_atomic(self._path, tomlkit.dumps(document).encode("utf-8"))


def _from_text(text: str) -> Any:
    """A value from the environment: TOML where it parses as such, else the plain text."""
    try:
        return tomlkit.parse(f"value = {text}").unwrap()["value"]
    except TOMLKitError:
        return text


def _checked(model: type[BaseModel], section: str, name: str, value: Any) -> Any:
    field = model.model_fields[name]
    try:
        adapter: TypeAdapter[Any] = TypeAdapter(field.rebuild_annotation())
        return adapter.validate_python(value)
    except ValidationError as error:
        reason = error.errors()[0]["msg"]
        raise AppError(
            ErrorCode.SETTING_INVALID, name=f"{section}.{name}", value=repr(value), reason=reason
        ) from error
