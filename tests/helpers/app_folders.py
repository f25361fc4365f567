"""Folders as other programs lay them out, with files the tests give; the shapes are theirs."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
MANIFEST_LIST = "application/vnd.ollama.manifest.list.v2+json"
MEDIA = "application/vnd.ollama.image."


class OllamaStore:
    """Ollama's models folder in the making."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.blobs = root / "blobs"
        self.blobs.mkdir(parents=True)
        (root / "manifests").mkdir()

    def blob(self, content: bytes | Path) -> dict[str, Any]:
        """Store a blob; returns its digest and size as a layer has them."""
        data = content.read_bytes() if isinstance(content, Path) else content
        digest = hashlib.sha256(data).hexdigest()
        path = self.blobs / f"sha256-{digest}"
        if not path.exists():
            if isinstance(content, Path):
                shutil.copyfile(content, path)
            else:
                path.write_bytes(data)
            path.chmod(0o644)
        return {"digest": f"sha256:{digest}", "size": len(data)}

    def layer(self, media: str, content: bytes | Path, **more: Any) -> dict[str, Any]:
        return {"mediaType": MEDIA + media, **self.blob(content), **more}

    def manifest(self, layers: list[Any], config: Mapping[str, Any] | None = None) -> Any:
        described = {"model_format": "gguf", "model_family": "llama", **(config or {})}
        config_layer = self.blob(json.dumps(described).encode())
        return {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {
                "mediaType": "application/vnd.docker.container.image.v1+json",
                **config_layer,
            },
            "layers": layers,
        }

    def write(self, name: str, manifest: Any, folder: str = "manifests") -> Path:
        """Store a manifest under `host/namespace/model/tag`, the first two as Ollama fills them."""
        model, _, tag = name.rpartition(":")
        parts = model.split("/")
        parts = [*("registry.ollama.ai", "library")[: 3 - len(parts)], *parts, tag]
        path = self.root.joinpath(folder, *parts)
        path.parent.mkdir(parents=True, exist_ok=True)
        text = manifest if isinstance(manifest, bytes) else json.dumps(manifest).encode()
        path.write_bytes(text)
        return path

    def link(self, name: str, manifest: Any) -> Path:
        """As newer versions do: the manifest is a blob, and the name a link to it."""
        digest = self.blob(json.dumps(manifest).encode())["digest"]
        model, _, tag = name.rpartition(":")
        path = self.root / "manifests-v2" / "ollama.com" / "library" / model / tag
        path.parent.mkdir(parents=True, exist_ok=True)
        blob = self.blobs / digest.replace(":", "-")
        path.symlink_to(os.path.relpath(blob, path.parent))
        return path

    def add(
        self,
        name: str,
        model: Path,
        *,
        system: str | None = None,
        params: Mapping[str, Any] | None = None,
        template: str | None = None,
        messages: list[Any] | None = None,
        licenses: tuple[str, ...] = (),
        projector: Path | None = None,
        adapter: Path | None = None,
        parent: str | None = None,
        config: Mapping[str, Any] | None = None,
    ) -> Path:
        """A model as `ollama pull` or `ollama create` stores it; returns its blob."""
        first = self.layer("model", model, **({"from": parent} if parent else {}))
        layers = [first]
        if projector is not None:
            layers.append(self.layer("projector", projector))
        if adapter is not None:
            layers.append(self.layer("adapter", adapter))
        for media, text in (("template", template), ("system", system)):
            if text is not None:
                layers.append(self.layer(media, text.encode()))
        layers += [self.layer("license", text.encode()) for text in licenses]
        for media, document in (("params", params), ("messages", messages)):
            if document is not None:
                layers.append(self.layer(media, json.dumps(document).encode()))
        self.write(name, self.manifest(layers, config))
        return self.blobs / first["digest"].replace(":", "-")


def place_file(source: Path, target: Path) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    return target


def lmstudio_defaults(home: Path, place: str, operation: list[Any], load: list[Any]) -> Path:
    """What LM Studio stores when a person changes a model's defaults."""
    path = home / ".internal" / "user-concrete-model-default-config" / f"{place}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    document = {"preset": "", "operation": {"fields": operation}, "load": {"fields": load}}
    path.write_text(json.dumps(document), "utf-8")
    return path


def jan_model(data: Path, model_id: str, lines: list[str]) -> Path:
    """The `model.yml` Jan keeps of a model."""
    path = data / "llamacpp" / "models" / model_id / "model.yml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([*lines, ""]), "utf-8")
    return path


def state_of(folder: Path) -> dict[str, tuple[int, int, int, str]]:
    """Every file below: size, time of change, mode, and content; links are not followed."""
    found = {}
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        content = "" if path.is_dir() else hashlib.sha256(path.read_bytes()).hexdigest()
        found[str(path.relative_to(folder))] = (
            status.st_size,
            status.st_mtime_ns,
            status.st_mode,
            content,
        )
    return found
