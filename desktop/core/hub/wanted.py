"""Which files of a repository belong to a model that somebody wants: its parts, and its eyes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from desktop.core import web as network
from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken
from desktop.core.gguf.words import clean
from desktop.core.hub.download.order import Order, order_of
from desktop.core.hub.files import Listing, RepoFile, choose, list_files, projectors_of
from desktop.core.hub.names import HubName, parse_name
from desktop.core.library.ids import split_file_name
from desktop.core.web import Web, WebSettings

MAIN = "main"
# The most exact for its size first, as the library prefers them (library/projectors.py).
_PROJECTORS = ("f16", "bf16", "q8_0", "f32")
_NO_TAG = "latest"  # Ollama's word for none


@dataclass(frozen=True)
class Wanted:
    """A model with the files to be fetched for it.

    Attributes:
        name: "owner/name:QUANT" or "owner/name/file.gguf".
        model_files: paths of the model's own files in order, of those in `order`.
        projector: the path of its projector, where one is fetched.
    """

    name: str
    order: Order
    model_files: tuple[str, ...]
    projector: str | None = None

    @property
    def size_bytes(self) -> int:
        """Of the model's own files, as far as the listing tells."""
        own = set(self.model_files)
        return sum(file.size_bytes or 0 for file in self.order.files if file.path in own)

    def to_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "order": self.order.to_dict(),
            "model_files": list(self.model_files),
            "projector": self.projector,
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Wanted:
        """The inverse of `to_dict`.

        Raises:
            AppError: BAD_REQUEST, for an order that is none.
        """
        order = Order.from_dict(data["order"])
        return cls(data["name"], order, tuple(data["model_files"]), data["projector"])


def asked_name(text: str, settings: WebSettings) -> HubName:
    """What a person or a program calls a model on the hub.

    Raises:
        AppError: BAD_REQUEST, when it is no such name.
    """
    name = parse_name(text, settings.endpoint)
    if name is None:
        reason = f"“{clean(text, 200)}” is not of the form OWNER/NAME:QUANT."
        raise AppError(ErrorCode.BAD_REQUEST, reason=reason)
    return replace(name, quant=None) if (name.quant or "").lower() == _NO_TAG else name


def full_name(repo: str, label: str) -> str:
    """A model's name by what it is called in its repository: a quant label or a file's path."""
    return f"{repo}/{label}" if label.lower().endswith(".gguf") else f"{repo}:{label}"


def find_wanted(
    name: HubName,
    settings: WebSettings,
    *,
    projector: bool = True,
    cancel: CancelToken | None = None,
) -> Wanted:
    """The model of this name, as its repository is now.

    Args:
        projector: with the one that lies with it, where there is one.

    Raises:
        AppError: HUB_NO_GGUF, HUB_QUANT_UNKNOWN, HUB_OFFLINE, MODEL_AMBIGUOUS,
            GGUF_SHARD_MISSING, REMOTE_*, CANCELLED.
    """

    async def work(web: Web) -> Listing:
        return await list_files(web, name.repo, name.revision)

    listing = network.run(work, settings, cancel)
    label, files = choose(listing, name)
    eyes = projector_of(listing, files) if projector else None
    every = (*files, eyes) if eyes is not None else files
    return Wanted(
        name=full_name(listing.repo, label),
        order=order_of(listing, every, name.revision or MAIN),
        model_files=tuple(file.path for file in files),
        projector=None if eyes is None else eyes.path,
    )


def projector_of(listing: Listing, files: tuple[RepoFile, ...]) -> RepoFile | None:
    """The projector that gives a model of the listing eyes or ears; None where there is none.

    Uploads keep quants in folders and projectors beside them or above.
    """
    known = projectors_of(listing)
    if any(file in files for file in known):
        return None  # it is one itself
    near = [file for file in known if files[0].path.startswith(_folder(file.path))]
    return min(near, key=_preference, default=None)


def _folder(path: str) -> str:
    folder, slash, _ = path.rpartition("/")
    return folder + slash


def _preference(file: RepoFile) -> tuple[int, str]:
    label = split_file_name(Path(file.path.rpartition("/")[2]))[1]
    place = _PROJECTORS.index(label) if label in _PROJECTORS else len(_PROJECTORS)
    return place, file.path
