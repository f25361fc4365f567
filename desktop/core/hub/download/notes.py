"""What was decided on the way, told once: in the log in English, to the window by code."""

from __future__ import annotations

from typing import Any

from desktop.core.events import Reporter

# code: what it says in English; the window has its own words for each code.
WORDS: dict[str, str] = {
    "resumed": "{path}: {bytes} bytes of it are here already",
    "present": "{path} is here already",
    "file_changed": "{path} was replaced on the hub; it is fetched anew",
    "size_unknown": "the server does not say how large {path} is",
    "range_ignored": "the server sends {path} as a whole only; it is read in one go",
    "hash_wrong": "{path} did not arrive as its hash says; it is fetched once more",
    "damaged": "{path} was here with another size; it is fetched anew",
    "unverified": "the hub gives no hash for {path}; it could not be checked",
    "waits_busy": "the server was asked too often and wants a pause of {seconds} seconds",
    "waits_network": "waiting for the network: {reason}",
    "network_back": "the network is back",
    "waits_other": "another program is fetching {path}; waiting for it",
    "no_links": "links cannot be made here; {path} lies in the snapshot itself",
}
_MOST = 50


class Notes:
    """The notes of one download, the newest last; the same one is not repeated in a row."""

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter
        self._listed: list[dict[str, Any]] = []

    def add(self, code: str, **params: Any) -> None:
        note = {"code": code, "params": params}
        if self._listed and self._listed[-1] == note:
            return
        self._listed = [*self._listed, note][-_MOST:]
        self._reporter.log(WORDS[code].format_map(params))

    def listed(self) -> list[dict[str, Any]]:
        return list(self._listed)
