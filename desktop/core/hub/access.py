"""Who asks the hub: settings of the network with the token that a person has stored.

The token is the one in HF_TOKEN, else Paddock's own (`paddock hub-token`), else that of the Hugging
Face tools (`hf auth login`). It is sent to the hub's own address only, which `core/web` sees to.
Paddock's own is written by the service alone and read by whoever asks the hub.
"""

from __future__ import annotations

import configparser
import logging
import os
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from desktop.core.errors import AppError
from desktop.core.paths import Paths
from desktop.core.secrets import Secrets, choose_backend
from desktop.core.web import WebSettings

log = logging.getLogger(__name__)

SECRET = "hub_token"
# Where a person makes one; the right to read is enough.
TOKEN_PAGE = "https://huggingface.co/settings/tokens"
_TOKEN = re.compile(r"[!-~]{4,500}")
_MAX_FILE_BYTES = 64 << 10


def web_settings(
    where: Paths, environ: Mapping[str, str] = os.environ, secrets: Secrets | None = None
) -> WebSettings:
    """How the network is asked, the hub with its token.

    A stored token is looked for when the hub is first asked: a keychain takes a moment, and may ask
    the person.

    Args:
        secrets: the service's own; others open them by themselves.
    """
    settings = WebSettings.from_environment(environ)
    if settings.token is not None:
        return settings
    return replace(settings, stored_token=_finder(where, environ, secrets))


def is_token(text: str) -> bool:
    """Whether this can be a token: one word of plain characters."""
    return bool(_TOKEN.fullmatch(text))


def _finder(
    where: Paths, environ: Mapping[str, str], secrets: Secrets | None
) -> Callable[[], str | None]:
    kept = secrets or Secrets(lambda: choose_backend(where.secrets_file))

    def find() -> str | None:
        return _own(kept) or _of_other_tools(environ)

    return find


def _own(secrets: Secrets) -> str | None:
    """Paddock's own token. A keychain that is locked or broken is no reason not to ask the hub:
    most of it is open to everybody."""
    from keyring.errors import KeyringError

    try:
        token = secrets.get(SECRET)
    except (AppError, KeyringError, OSError, RuntimeError) as error:
        log.warning("the hub's token cannot be read", extra={"reason": str(error)})
        return None
    return token if token and is_token(token) else None


# --- of the Hugging Face tools; file names and order as in huggingface_hub's constants.py


def _of_other_tools(environ: Mapping[str, str]) -> str | None:
    if environ.get("HF_HUB_DISABLE_IMPLICIT_TOKEN", "").lower() in ("1", "on", "yes", "true"):
        return None
    path = _token_file(environ)
    token = _read(path).strip()
    if not is_token(token) or _expired(path.with_name("stored_tokens"), token):
        return None
    return token


def _token_file(environ: Mapping[str, str]) -> Path:
    if named := environ.get("HF_TOKEN_PATH"):
        return Path(os.path.expandvars(named)).expanduser()
    if home := environ.get("HF_HOME"):
        return Path(os.path.expandvars(home)).expanduser() / "token"
    cache = environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(cache).expanduser() / "huggingface" / "token"


def _expired(path: Path, token: str) -> bool:
    """Whether it came from a login in the browser and its time is over: the hub refuses everything
    to one who sends it, open repositories too."""
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(_read(path))
        for section in parser.values():
            if section.get("hf_token") == token and (until := section.get("expires_at")):
                return float(until) <= time.time()
    except (configparser.Error, ValueError) as error:
        kind = type(error).__name__  # its text would hold a line of the file
        log.info("the list of stored tokens cannot be read", extra={"reason": kind})
    return False


def _read(path: Path) -> str:
    """The text of a small file; empty where there is none to read."""
    try:
        with path.open("rb") as stream:
            return stream.read(_MAX_FILE_BYTES).decode("utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, ValueError) as error:
        log.info("a token's file cannot be read", extra={"reason": str(error)})
        return ""
