"""What the hub's API says, as JSON: the shape that huggingface_hub 2.4.0 reads."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

from tests.helpers.hub.store import Commit, Repo, StoredFile

# What a listing tells without being asked for more.
_BRIEF = [
    *("_id", "id", "modelId", "likes", "trendingScore", "private", "downloads"),
    *("tags", "pipeline_tag", "library_name", "createdAt"),
]
_FULL = [*_BRIEF, "author", "sha", "lastModified", "gated", "disabled", "siblings"]
_INFO = [*_FULL, "cardData", "spaces", "usedStorage", "gguf", "safetensors", "config"]
# Names that `expand` takes; the last two only of a single model.
EXPANDABLE = set(_INFO) | {"downloadsAllTime", "baseModels", "childrenModelCount"}
_SORTS = {"downloads", "likes", "lastModified", "createdAt", "trendingScore"}


class BadRequest(Exception):
    """The caller asked for what there is not; the text says what."""


def model(
    repo: Repo, commit: Commit, files: Sequence[StoredFile], *, blobs: bool, only: Iterable[str]
) -> dict[str, Any]:
    """One model with the fields named in `only` that it has."""
    everything = _everything(repo, commit)
    chosen = {name: everything[name] for name in only if name in everything}
    if "siblings" in set(only):
        chosen["siblings"] = [_sibling(file, blobs) for file in files]
    return chosen


def fields(query: dict[str, list[str]], single: bool) -> list[str]:
    """Which fields the query asks for.

    Raises:
        BadRequest: `expand` with a field that is not one.
    """
    if "expand" in query:
        unknown = set(query["expand"]) - EXPANDABLE
        if unknown:
            raise BadRequest(f"Invalid expand value: {', '.join(sorted(unknown))}")
        return ["_id", "id", *query["expand"]]
    if single:
        return _INFO
    wanted = list(_FULL if _flag(query, "full") else _BRIEF)
    if _flag(query, "cardData"):
        wanted.append("cardData")
    if _flag(query, "config"):
        wanted.append("config")
    return wanted


def chosen(repos: Iterable[Repo], query: dict[str, list[str]]) -> list[Repo]:
    """The repositories that a search means, in its order.

    Raises:
        BadRequest: an order or a range that there is not.
    """
    found = [repo for repo in repos if repo.commits and _matches(repo, query)]
    sort = query.get("sort", ["trendingScore"])[0]
    if sort not in _SORTS:
        raise BadRequest(f"Invalid sort parameter: {sort}")
    down = query.get("direction", ["-1"])[0] != "1"
    return sorted(
        found, key=lambda repo: (_everything(repo, repo.commits[-1])[sort], repo.name), reverse=down
    )


def tree(
    commit: Commit, files: Sequence[StoredFile], folder: str, recursive: bool, expand: bool
) -> list[dict[str, Any]] | None:
    """The entries below `folder`; None where there is no such folder."""
    prefix = f"{folder}/" if folder else ""
    entries: dict[str, dict[str, Any]] = {}
    for file in files:
        if not file.path.startswith(prefix):
            continue
        parts = file.path[len(prefix) :].split("/")
        for depth in range(1, len(parts) if recursive else min(len(parts), 2)):
            path = prefix + "/".join(parts[:depth])
            entries.setdefault(path, _folder(path))
        if recursive or len(parts) == 1:
            entries[file.path] = entry(file)
    if folder and not entries:
        return None
    if expand:
        for found in entries.values():
            found["lastCommit"] = {
                "id": commit.sha,
                "title": commit.title,
                "date": _moment(commit.date),
            }
    return list(entries.values())


def entry(file: StoredFile) -> dict[str, Any]:
    """A file as the tree shows it."""
    found: dict[str, Any] = {
        "type": "file",
        "oid": file.blob_id,
        "size": file.listed_size,
        "path": file.path,
    }
    if file.lfs:
        found["lfs"] = {
            "oid": file.sha256,
            "size": file.listed_size,
            "pointerSize": file.pointer_size,
        }
    return found


def paths_info(files: Sequence[StoredFile], wanted: Sequence[str]) -> list[dict[str, Any]]:
    """Of the paths in `wanted` those that are there."""
    found: list[dict[str, Any]] = []
    for path in wanted:
        found += [entry(file) for file in files if file.path == path]
        if any(file.path.startswith(f"{path}/") for file in files):
            found.append(_folder(path))
    return found


def refs(repo: Repo) -> dict[str, Any]:
    branches = [
        {"name": name, "ref": f"refs/heads/{name}", "targetCommit": sha}
        for name, sha in repo.branches.items()
    ]
    return {"branches": branches, "tags": [], "converts": [], "pullRequests": []}


def commits(repo: Repo, newest: Commit) -> list[dict[str, Any]]:
    """History, newest first."""
    until = repo.commits.index(newest) + 1
    return [
        {
            "id": commit.sha,
            "title": commit.title,
            "message": "",
            "authors": [{"user": repo.name.partition("/")[0]}],
            "date": _moment(commit.date),
        }
        for commit in reversed(repo.commits[:until])
    ]


def _everything(repo: Repo, commit: Commit) -> dict[str, Any]:
    owner, slash, _ = repo.name.partition("/")
    given = repo.fields
    card = {
        name: given[name]
        for name in ("license", "base_model", "pipeline_tag", "library_name")
        if given.get(name)
    }
    document: dict[str, Any] = {
        "_id": hashlib.md5(repo.name.encode()).hexdigest()[:24],
        "id": repo.name,
        "modelId": repo.name,
        "author": owner if slash else None,
        "sha": commit.sha,
        "createdAt": _moment(repo.commits[0].date),
        "lastModified": _moment(commit.date),
        "private": repo.private,
        "gated": "manual" if repo.gated is True else repo.gated,
        "disabled": False,
        "downloads": given.get("downloads", 0),
        "downloadsAllTime": given.get("downloads", 0) * 3,
        "likes": given.get("likes", 0),
        "trendingScore": given.get("trending", given.get("likes", 0)),
        "tags": _tags(repo, commit),
        "cardData": {**card, "tags": list(given.get("tags", ()))},
        "spaces": [],
        "usedStorage": sum(file.size for each in repo.commits for file in each.files.values()),
        "childrenModelCount": 0,
    }
    for name in ("pipeline_tag", "library_name", "gguf", "safetensors", "config"):
        if given.get(name):
            document[name] = given[name]
    if given.get("base_model"):
        document["baseModels"] = [{"id": given["base_model"]}]
    document.update(given.get("fields", {}))
    return document


def _tags(repo: Repo, commit: Commit) -> list[str]:
    given = repo.fields
    tags = list(given.get("tags", ()))
    for ending in ("gguf", "safetensors", "onnx"):
        if any(path.endswith(f".{ending}") for path in commit.files):
            tags.append(ending)
    if base := given.get("base_model"):
        tags += [f"base_model:{base}", f"base_model:quantized:{base}"]
    if licence := given.get("license"):
        tags.append(f"license:{licence}")
    tags.append("region:us")
    return list(dict.fromkeys(tags))


def _sibling(file: StoredFile, blobs: bool) -> dict[str, Any]:
    sibling: dict[str, Any] = {"rfilename": file.path}
    if blobs:
        sibling |= {"blobId": file.blob_id, "size": file.listed_size}
        if file.lfs:
            sibling["lfs"] = {
                "sha256": file.sha256,
                "size": file.listed_size,
                "pointerSize": file.pointer_size,
            }
    return sibling


def _folder(path: str) -> dict[str, Any]:
    oid = hashlib.sha1(f"tree {path}".encode()).hexdigest()
    return {"type": "directory", "oid": oid, "size": 0, "path": path}


def _matches(repo: Repo, query: dict[str, list[str]]) -> bool:
    document = _everything(repo, repo.commits[-1])
    tags = {tag.lower() for tag in document["tags"]} | {str(document.get("pipeline_tag")).lower()}
    words = " ".join(query.get("search", [])).lower().split()
    wanted = [part for given in query.get("filter", []) for part in given.lower().split(",")]
    author = query.get("author", [document["author"]])[0]
    task = query.get("pipeline_tag", [document.get("pipeline_tag")])[0]
    gated = query.get("gated", [str(bool(document["gated"]))])[0].lower()
    return (
        all(word in repo.name.lower() for word in words)
        and all(tag in tags for tag in wanted if tag)
        and author == document["author"]
        and task == document.get("pipeline_tag")
        and gated == str(bool(document["gated"])).lower()
        and _within(document, query.get("num_parameters"))
        and ("apps" not in query or "gguf" in tags)
    )


def _within(document: dict[str, Any], wanted: list[str] | None) -> bool:
    if not wanted:
        return True
    known = document.get("gguf") or document.get("safetensors") or {}
    count = known.get("total")
    if count is None:
        return False
    for bound in wanted[0].split(","):
        side, _, text = bound.partition(":")
        factor = {"K": 1e3, "M": 1e6, "B": 1e9, "T": 1e12}.get(text[-1:].upper())
        try:
            number = float(text[:-1]) * factor if factor else float(text)
        except ValueError:
            raise BadRequest(f"Invalid num_parameters: {wanted[0]}") from None
        if (side == "min" and count < number) or (side == "max" and count > number):
            return False
    return True


def _flag(query: dict[str, list[str]], name: str) -> bool:
    return query.get(name, ["false"])[0].lower() in ("true", "1")


def _moment(date: Any) -> str:
    return str(date.strftime("%Y-%m-%dT%H:%M:%S.000Z"))
