"""The jobs that find the same file twice, and that make such files one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Protocol

from desktop.core.errors import AppError, ErrorCode
from desktop.core.gguf.filecache import FileCache
from desktop.core.gguf.words import shown
from desktop.core.jobs.handlers.verify import NEEDS
from desktop.core.jobs.kinds import JobContext
from desktop.core.library.adopt.duplicates import KnownFile, find_duplicates
from desktop.core.library.adopt.linking import link_files
from desktop.core.library.entry import ModelEntry
from desktop.core.library.given import Given
from desktop.core.library.reading import known_apps

FIND, LINK = "duplicates", "link"
_MANY = 1_000


class Host(Protocol):
    """What they need of the service. Called from a worker thread."""

    def entries(self) -> list[ModelEntry]:
        """Every model and what lies beside models, hidden ones too."""
        ...

    def hashes(self) -> FileCache: ...

    def scan(self) -> None:
        """Look at the disks again."""
        ...


def known_files(
    entries: Iterable[ModelEntry], given: Callable[[Path], Given] = lambda path: Given()
) -> list[KnownFile]:
    """All files of the library, copies and projectors among them.

    Args:
        given: says whose a copy or a projector is; an entry knows that of its own files.
    """
    found: dict[Path, KnownFile] = {}
    for entry in entries:
        copies = [file.path for copy in entry.copy_files for file in copy]
        beside = [] if entry.mmproj is None else [entry.mmproj]
        beside += [Path(str(each["path"])) for each in entry.given.card.adapters]
        for path in entry.shard_paths:
            found.setdefault(path, KnownFile(path, entry.id, entry.app))
        for path in (*copies, *beside):
            found.setdefault(path, KnownFile(path, entry.id, given(path).app))
    return list(found.values())


class DuplicatesKind:
    """No parameters. The result: {"groups": [`DuplicateGroup.to_dict()`], "saved_bytes"}; nothing
    is changed."""

    name = FIND
    needs = NEEDS

    def __init__(self, host: Host) -> None:
        self._host = host

    def plan(self, params: dict[str, Any]) -> list[str]:
        return ["compare"]

    def key(self, params: dict[str, Any]) -> str:
        return ""

    def run(self, context: JobContext) -> dict[str, Any]:
        def work() -> dict[str, Any]:
            files = known_files(self._host.entries(), known_apps())
            groups = find_duplicates(files, self._host.hashes(), context.reporter, context.cancel)
            return {
                "groups": [group.to_dict() for group in groups],
                "saved_bytes": sum(group.saved_bytes for group in groups),
            }

        found: dict[str, Any] = context.step("compare", work)
        return found


class LinkKind:
    """Parameters: `groups`, a list of lists of paths, each of files with one content. The result:
    {"disks": [`Linked.to_dict()`], "freed_bytes"}. What was linked stays so when it is stopped."""

    name = LINK
    needs = NEEDS

    def __init__(self, host: Host) -> None:
        self._host = host

    def plan(self, params: dict[str, Any]) -> list[str]:
        """One step a group. Raises BAD_REQUEST."""
        return [f"group {number}" for number, _ in enumerate(_groups(params), 1)]

    def run(self, context: JobContext) -> dict[str, Any]:
        groups = _groups(context.params)
        ours = {str(file.path) for file in known_files(self._host.entries())}
        real = ours | {str(Path(path).resolve()) for path in ours}
        disks: list[dict[str, Any]] = []
        for number, paths in enumerate(groups, 1):
            for path in paths:
                if str(path) not in real:
                    reason = "It is no file of the library."
                    raise AppError(ErrorCode.LINK_REFUSED, path=shown(path), reason=reason)
            disks += context.step(f"group {number}", self._work(context, paths))
        self._host.scan()
        return {"disks": disks, "freed_bytes": sum(disk["freed_bytes"] for disk in disks)}

    def _work(self, context: JobContext, paths: list[Path]) -> Callable[[], list[dict[str, Any]]]:
        def work() -> list[dict[str, Any]]:
            linked = link_files(paths, self._host.hashes(), context.reporter, context.cancel)
            return [each.to_dict() for each in linked]

        return work


def _groups(params: dict[str, Any]) -> list[list[Path]]:
    groups = params.get("groups")
    right = isinstance(groups, list) and 0 < len(groups) <= _MANY
    if not right or not all(_is_group(group) for group in groups or ()):
        reason = "“groups” must be lists of two or more absolute paths."
        raise AppError(ErrorCode.BAD_REQUEST, reason=reason)
    return [[Path(path) for path in group] for group in groups or ()]


def _is_group(group: object) -> bool:
    return (
        isinstance(group, list)
        and 2 <= len(group) <= _MANY
        and all(isinstance(path, str) and Path(path).is_absolute() for path in group)
    )
