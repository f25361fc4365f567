"""Ollama's store: manifests by name, and blobs by their sha256.

Source of the layout: `manifest/manifest.go`, `manifest/paths.go` and `server/images.go` of
ollama/ollama. `manifests-v2/HOST/NAMESPACE/MODEL/TAG` (links to blobs) comes before
`manifests/…` (files); a manifest lists layers by media type, and a layer's digest is its blob's
name (`blobs/sha256-…`; before 0.1.17 `blobs/sha256:…`). A list of manifests holds one for each
runner.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken
from desktop.core.gguf.local import stat_file
from desktop.core.library.adopt.ollama_names import OllamaName, name_of_parts
from desktop.core.library.adopt.parameters import left_out, take_over
from desktop.core.library.adopt.smallfile import read_json, read_text
from desktop.core.library.cards import Card
from desktop.core.library.given import Given, LeftOut

MANIFEST_FOLDERS = ("manifests-v2", "manifests")
MAX_MANIFESTS = 5_000
MAX_LAYERS = 20_000  # a safetensors model has one for each tensor
_MANIFEST_BYTES = 8 << 20
_TEXT_BYTES = 1 << 20
_MOST_SIZE = 1 << 50
_DIGEST = re.compile(r"sha256[:-]([0-9a-f]{64})", re.IGNORECASE)
_MEDIA = "application/vnd.ollama.image."
_LIST = "application/vnd.ollama.manifest.list.v2+json"
_RUNNERS = ("ollama", "llamacpp")  # those that read GGUF; the third one is Apple's MLX
_TITLE = "Ollama"


@dataclass(frozen=True)
class OllamaModel:
    """One name of the store.

    Attributes:
        model: the blob with the GGUF file; None where there is none on this disk at all.
        others: further blobs that belong to it: projectors, adapters, draft models.
        size_bytes: of all these, as the manifest says.
        derived: made out of another model of the store, by a Modelfile.
        error: why it cannot be used; ADOPT_DAMAGED.
    """

    name: OllamaName
    given: Given = field(default_factory=Given)
    model: Path | None = None
    others: tuple[Path, ...] = ()
    size_bytes: int = 0
    derived: bool = False
    error: AppError | None = None


def store_of(folder: Path) -> Path | None:
    """The store this folder is, or holds as `models`; None where it is none."""
    for candidate in (folder, folder / "models"):
        manifests = any((candidate / name).is_dir() for name in MANIFEST_FOLDERS)
        if manifests and (candidate / "blobs").is_dir():
            return candidate
    return None


def read_store(store: Path, cancel: CancelToken | None = None) -> list[OllamaModel]:
    """Every name of the store, sorted; those that cannot be used too, with the reason.

    Raises:
        AppError: PATH_UNREADABLE where its folders may not be read, CANCELLED.
    """
    cancel = cancel or CancelToken()
    found: dict[str, OllamaModel] = {}
    for folder in MANIFEST_FOLDERS:
        real = Path(os.path.realpath(store / folder))
        for name, manifest in _manifests(store / folder):
            cancel.raise_if_cancelled()
            if name.key not in found:
                found[name.key] = _Reader(store, name).read(manifest, real)
            if len(found) >= MAX_MANIFESTS:
                break
    return sorted(found.values(), key=lambda model: model.name.shown)


def _manifests(root: Path) -> Iterator[tuple[OllamaName, Path]]:
    """The manifests below `root`, four folders deep."""
    if not root.is_dir():
        return
    level: list[tuple[str, ...]] = [()]
    for depth in range(4):
        below: list[tuple[str, ...]] = []
        for parts in level:
            for entry in _entries(root.joinpath(*parts), must=not parts):
                if entry.is_dir() == (depth < 3) and not entry.name.startswith("."):
                    below.append((*parts, entry.name))
                if len(below) >= MAX_MANIFESTS:
                    break
        level = sorted(below)
    for parts in level:
        name = name_of_parts(parts)
        if name is not None:
            yield name, root.joinpath(*parts)


def _entries(folder: Path, *, must: bool) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError as error:
        if not must:  # one model's folder: the others are there all the same
            return []
        reason = error.strerror or str(error)
        raise AppError(ErrorCode.PATH_UNREADABLE, path=str(folder), reason=reason) from error


@dataclass
class _Layers:
    """What a manifest's layers come to."""

    model: Path | None = None
    projectors: list[Path] = field(default_factory=list)
    adapters: list[Path] = field(default_factory=list)
    drafts: list[Path] = field(default_factory=list)
    texts: dict[str, list[Path]] = field(default_factory=dict)
    size_bytes: int = 0
    derived: bool = False
    tensors: int = 0
    error: AppError | None = None


class _Reader:
    """Reads one manifest and what it names; whatever it says, nothing outside the store."""

    def __init__(self, store: Path, name: OllamaName) -> None:
        self._blobs = store / "blobs"
        self._name = name
        self._left: list[LeftOut] = []

    def read(self, manifest: Path, root: Path) -> OllamaModel:
        """The model of a manifest.

        Args:
            root: the folder of all manifests, links resolved.
        """
        empty = OllamaModel(self._name, Given(app="ollama", names=(self._name.shown,)))
        try:
            document = self._document(manifest, root)
            layers = self._layers(document)
            config = self._config(document)
        except AppError as error:
            return replace(empty, error=self._damaged(error))
        if layers.model is None:
            return replace(empty, error=layers.error or self._no_file(layers, config))
        projector = layers.projectors[0] if layers.projectors else None
        return replace(
            empty,
            given=self._given(layers, config, projector),
            model=layers.model,
            others=(*layers.projectors, *layers.adapters, *layers.drafts),
            size_bytes=layers.size_bytes,
            derived=layers.derived,
            error=layers.error,
        )

    # --- the manifest

    def _document(self, manifest: Path, root: Path) -> Mapping[str, Any]:
        target = Path(os.path.realpath(manifest))
        if not target.is_relative_to(root) and not self._is_blob(target):
            raise self._wrong("Its manifest is a link out of Ollama's folder.")
        document = read_json(target, _MANIFEST_BYTES)
        if isinstance(document, dict) and document.get("mediaType") == _LIST:
            document = self._choice(document.get("manifests"))
        if not isinstance(document, dict) or not isinstance(document.get("layers"), list):
            raise self._wrong("Its manifest lists no layers.")
        if len(document["layers"]) > MAX_LAYERS:
            raise self._wrong(f"Its manifest has more than {MAX_LAYERS:,} layers.")
        return document

    def _choice(self, listed: Any) -> Any:
        """Of manifests for several runners the one whose files our engine reads."""
        ours = [
            each
            for each in (listed if isinstance(listed, list) else ())
            if isinstance(each, dict)
            and (each.get("runner") in _RUNNERS or each.get("format") == "gguf")
        ]
        if not ours:
            raise self._wrong("It comes in no format that the engine reads.")
        if "layers" in ours[0]:
            return ours[0]
        return read_json(self._blob(ours[0].get("digest")), _MANIFEST_BYTES)

    def _layers(self, document: Mapping[str, Any]) -> _Layers:
        found = _Layers()
        for layer in document["layers"]:
            if not isinstance(layer, dict):
                raise self._wrong("Its manifest makes no sense.")
            media = str(layer.get("mediaType", "")).removeprefix(_MEDIA)
            if media == "tensor":
                found.tensors += 1
                continue
            blob = self._blob(layer.get("digest"))
            if media in ("model", "projector", "adapter", "draft"):
                found.size_bytes += self._size(layer)
                found.error = found.error or self._problem(blob, layer)
            if media == "model":
                found.model = blob  # of several Ollama takes the last one, too
                found.derived = bool(layer.get("from"))
            elif media == "projector":
                found.projectors.append(blob)
            elif media == "adapter":
                found.adapters.append(blob)
            elif media == "draft":
                found.drafts.append(blob)
            else:
                found.texts.setdefault("template" if media == "prompt" else media, []).append(blob)
        return found

    def _blob(self, digest: Any) -> Path:
        match = _DIGEST.fullmatch(digest) if isinstance(digest, str) else None
        if match is None:
            raise self._wrong("A digest in its manifest is none.")
        path = self._blobs / f"sha256-{match[1].lower()}"
        if not path.exists() and os.name == "posix":
            older = self._blobs / f"sha256:{match[1].lower()}"
            if older.exists():
                return older
        return path

    def _size(self, layer: Mapping[str, Any]) -> int:
        size = layer.get("size")
        if isinstance(size, bool) or not isinstance(size, int) or not 0 <= size < _MOST_SIZE:
            raise self._wrong("A size in its manifest is none.")
        return size

    def _problem(self, blob: Path, layer: Mapping[str, Any]) -> AppError | None:
        try:
            there = stat_file(blob).st_size
        except AppError as error:
            if error.code is ErrorCode.PATH_NOT_FOUND:
                return self._wrong(f"A file of it is missing: {blob}")
            return self._damaged(error)
        if there != layer["size"]:
            return self._wrong(f"{blob} has {there:,} bytes and should have {layer['size']:,}.")
        return None

    def _config(self, document: Mapping[str, Any]) -> Mapping[str, Any]:
        layer = document.get("config")
        if not isinstance(layer, dict) or not layer.get("digest"):
            return {}
        try:
            config = read_json(self._text_blob(self._blob(layer["digest"])), _TEXT_BYTES)
        except AppError as error:
            if error.code is ErrorCode.PATH_NOT_FOUND:  # it only describes the rest
                return {}
            raise
        return config if isinstance(config, dict) else {}

    # --- what it says of the model

    def _given(self, layers: _Layers, config: Mapping[str, Any], projector: Path | None) -> Given:
        parameters = self._json(layers, "params")
        taken = take_over(parameters if isinstance(parameters, dict) else {})
        self._left += taken.left_out
        card = Card()
        for name, value in (
            ("system", self._text(layers, "system")),
            ("license", "\n\n".join(self._texts(layers, "license"))),
            ("messages", self._messages(layers)),
            ("sampling", taken.sampling),
            ("adapters", [{"path": str(path), "scale": 1.0} for path in layers.adapters]),
        ):
            try:
                card = card.changed({name: value or None})
            except AppError as error:
                self._left.append(left_out(name, value, error.cause))
        defaults = dict(taken.defaults)
        if layers.drafts:
            defaults["draft"] = str(layers.drafts[0])
        for extra in layers.projectors[1:]:
            self._left.append(left_out("projector", extra.name, "The engine takes one."))
        for name in ("renderer", "parser"):
            if config.get(name):
                self._left.append(left_out(name, config[name], "It is a part of Ollama itself."))
        return Given(
            app="ollama",
            names=(self._name.shown,),
            card=card,
            defaults=defaults,
            template=self._text(layers, "template"),
            left_out=tuple(self._left),
            mmproj=projector,
        )

    def _is_blob(self, path: Path) -> bool:
        return path.parent == Path(os.path.realpath(self._blobs))

    def _text_blob(self, blob: Path) -> Path:
        if blob.is_symlink() and not self._is_blob(Path(os.path.realpath(blob))):
            raise self._wrong(f"{blob.name} is a link out of Ollama's folder.")
        return blob

    def _texts(self, layers: _Layers, media: str) -> list[str]:
        found = []
        for blob in layers.texts.get(media, ()):
            try:
                found.append(read_text(self._text_blob(blob), _TEXT_BYTES))
            except AppError as error:
                self._left.append(left_out(media, blob.name, error.cause))
        return found

    def _text(self, layers: _Layers, media: str) -> str:
        found = self._texts(layers, media)
        return found[-1] if found else ""

    def _json(self, layers: _Layers, media: str) -> Any:
        for blob in layers.texts.get(media, ())[-1:]:
            try:
                return read_json(self._text_blob(blob), _TEXT_BYTES)
            except AppError as error:
                self._left.append(left_out(media, blob.name, error.cause))
        return None

    def _messages(self, layers: _Layers) -> list[dict[str, Any]]:
        found = self._json(layers, "messages")
        if not isinstance(found, list):
            return []
        return [
            {"role": each.get("role"), "content": each.get("content")}
            for each in found
            if isinstance(each, dict)
        ]

    # --- why not

    def _no_file(self, layers: _Layers, config: Mapping[str, Any]) -> AppError:
        if config.get("remote_host") or config.get("remote_model"):
            return self._wrong("It runs on Ollama's servers; there is no file of it here.")
        if layers.tensors:
            return self._wrong("It is stored as safetensors; the engine reads GGUF.")
        return self._wrong("There is no model in its manifest.")

    def _damaged(self, error: AppError) -> AppError:
        return error if error.code is ErrorCode.ADOPT_DAMAGED else self._wrong(str(error))

    def _wrong(self, reason: str) -> AppError:
        return AppError(ErrorCode.ADOPT_DAMAGED, app=_TITLE, model=self._name.shown, reason=reason)
