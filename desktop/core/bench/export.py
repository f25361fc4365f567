"""Results as files: JSON that can be read back, CSV and Markdown for other programs and people."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from desktop.core.bench.document import device_of
from desktop.core.bench.schema import Document, validate
from desktop.core.errors import AppError, ErrorCode
from desktop.core.exports import csv_lines, markdown_table, markdown_text
from desktop.core.files import write_atomic
from desktop.core.gguf.words import shown
from desktop.core.hardware.known import KnownSpeed

Format = Literal["json", "csv", "md"]
FORMATS: tuple[Format, ...] = ("json", "csv", "md")
_SUFFIXES: dict[str, Format] = {".json": "json", ".csv": "csv", ".md": "md", ".markdown": "md"}
_MARK = "paddock_results"  # the key that tells an export from any other JSON file
_FILE_LIMIT_BYTES = 64 << 20
_DOCUMENTS_LIMIT = 10_000
_SETTINGS = ("threads", "kv_type_k", "kv_type_v", "gpu_layers")
_COLUMNS = (
    "name",
    "created",
    "model",
    "quant_type",
    "size_bytes",
    "test",
    "tokens",
    "prompt_tokens",
    "depth",
    "concurrency",
    "tokens_per_second",
    "median_tokens_per_second",
    "stddev",
    "samples",
    "disturbed_requests",
    "cpu",
    "gpus",
    "engine",
    "commit",
    *_SETTINGS,
    "device",
    "backend",
    "file",
    "sha256",
    "os",
    "source",
    "status",
    "notes",
)
# `source` of a run; `status` beside it says how sure the figure is.
_OWN = "Paddock benchmark"


def export_text(
    documents: Sequence[Document], form: Format, published: Sequence[KnownSpeed] = ()
) -> str:
    """The results as the text of a file.

    Args:
        published: speeds of other devices, each with its source, for tables; JSON has results only.
    """
    if form == "json":
        return to_json(documents)
    return (to_csv if form == "csv" else to_markdown)(documents, published)


def format_of(path: Path) -> Format:
    """The format a file's name asks for; JSON where it says nothing."""
    return _SUFFIXES.get(path.suffix.lower(), "json")


def save(
    documents: Sequence[Document],
    path: Path,
    form: Format | None = None,
    published: Sequence[KnownSpeed] = (),
) -> None:
    """Write the results to a file, whole or not at all; `published` as in `export_text`.

    Raises:
        AppError: DISK_FULL, PATH_UNREADABLE where the file cannot be written.
    """
    try:
        text = export_text(documents, form or format_of(path), published)
        write_atomic(path, text.encode())
    except OSError as error:
        raise _unreadable(path, error) from error


def to_json(documents: Sequence[Document]) -> str:
    """What `read_file` reads back. The ids are left out: they are of this database only."""
    kept = [{key: each for key, each in doc.items() if key != "id"} for doc in documents]
    return json.dumps({_MARK: 1, "results": kept}, indent=1, ensure_ascii=False) + "\n"


def to_csv(documents: Sequence[Document], published: Sequence[KnownSpeed] = ()) -> str:
    """One line a test, with its label, the conditions that decide most, and where it is from."""
    return "".join(csv_lines(_COLUMNS, [*_rows(documents), *_published_rows(published)]))


def to_markdown(documents: Sequence[Document], published: Sequence[KnownSpeed] = ()) -> str:
    """A table a result, as people paste it into an issue."""
    parts = []
    for document in documents:
        conditions = document["fingerprint"]
        runtime = conditions["runtime"]
        model, device = document["model"]["id"], device_of(document) or "?"
        engine = runtime.get("version") or runtime.get("id") or "?"
        parts.append(f"### {markdown_text(document['name'])}\n")
        parts.append(f"{markdown_text(f'{model} on {device}, engine {engine}')}\n")
        parts.append("| test | tokens | depth | concurrency | tokens/s | median | ± |")
        parts.append("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
        for result in document["results"]:
            mark = " (disturbed)" if result.get("disturbed_requests") else ""
            cells = [
                f"{result['test']}{mark}",
                result["tokens"],
                result["depth"],
                result["concurrency"],
                _figure(result["tokens_per_second"]),
                _figure(result.get("median_tokens_per_second")),
                _figure(result["stddev"]),
            ]
            parts.append("| " + " | ".join(str(cell) for cell in cells) + " |")
        parts.extend(f"\n- {markdown_text(warning)}" for warning in document["warnings"])
        parts.append("")
    if published:
        parts.extend(_published_table(published))
    return "\n".join(parts)


def _published_table(published: Sequence[KnownSpeed]) -> list[str]:
    columns = ("device", "engine", "model", "test", ">tokens/s", "source", "read")
    rows = [
        (
            row["device"],
            f"{row['engine']} {row['backend']}".strip(),
            f"{row['model']} {row['quant_type']}",
            f"{row['test']} {row['tokens'] or ''}".strip(),
            _figure(row["tokens_per_second"]),
            row["source"],
            row["status"],
        )
        for row in _published_rows(published)
    ]
    return ["### Published by others\n", *markdown_table(columns, rows), ""]


def read_file(path: Path) -> list[Document]:
    """The results in a file made by `to_json`, or one document or a list of them alone.

    Raises:
        AppError: PATH_NOT_FOUND, PATH_UNREADABLE, RESULT_FILE_INVALID with the reason.
    """
    try:
        with path.open("rb") as stream:
            raw = stream.read(_FILE_LIMIT_BYTES + 1)
    except FileNotFoundError as error:
        raise AppError(ErrorCode.PATH_NOT_FOUND, path=shown(path)) from error
    except OSError as error:
        raise _unreadable(path, error) from error
    if len(raw) > _FILE_LIMIT_BYTES:
        raise _invalid(path, f"It is larger than {_FILE_LIMIT_BYTES >> 20} MiB.")
    return parse(raw, path)


def parse(raw: bytes, path: Path) -> list[Document]:
    """The results in the bytes of a file; see `read_file`."""
    try:
        data = json.loads(raw.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise _invalid(path, f"It is no UTF-8 text (byte {error.start}).") from error
    except (ValueError, RecursionError) as error:
        raise _invalid(path, f"It is no JSON: {str(error)[:200]}") from error
    if isinstance(data, dict) and _MARK in data:
        if data[_MARK] != 1:
            raise _invalid(path, "It is of a newer Paddock.")
        data = data.get("results")
    elif isinstance(data, dict):
        data = [data]
    if not isinstance(data, list):
        raise _invalid(path, "It holds no list of results.")
    if len(data) > _DOCUMENTS_LIMIT:
        raise _invalid(path, f"It holds more than {_DOCUMENTS_LIMIT} results.")
    where = shown(path)
    found = []
    for number, each in enumerate(data, 1):
        place = where if len(data) == 1 else f"{where} (result {number} of {len(data)})"
        document = validate(each, place)
        found.append({key: value for key, value in document.items() if key != "id"})
    return found


def _rows(documents: Sequence[Document]) -> list[dict[str, Any]]:
    rows = []
    for document in documents:
        conditions = document["fingerprint"]
        machine, runtime = conditions["machine"], conditions["runtime"]
        settings, model = conditions["settings"], document["model"]
        created = datetime.fromtimestamp(document["created"], UTC)
        for result in document["results"]:
            rows.append(
                {
                    **{key: result.get(key) for key in _COLUMNS},
                    **{key: settings.get(key) for key in _SETTINGS},
                    "name": document["name"],
                    "created": created.isoformat(timespec="seconds"),
                    "model": model["id"],
                    "quant_type": model["quant_type"],
                    "size_bytes": model["size_bytes"],
                    "samples": " ".join(str(sample) for sample in result["samples"]),
                    "cpu": machine.get("cpu"),
                    "gpus": "; ".join(_gpu_names(machine)),
                    "engine": runtime.get("version"),
                    "commit": runtime.get("commit"),
                    "device": device_of(document),
                    "backend": runtime.get("backends_used"),
                    "file": model["file"],
                    "sha256": model["sha256"],
                    "os": machine.get("os"),
                    "source": _OWN,
                    "status": "disturbed" if result.get("disturbed_requests") else "measured",
                    "notes": "; ".join(document["warnings"]),
                }
            )
    return rows


def _published_rows(published: Sequence[KnownSpeed]) -> list[dict[str, Any]]:
    """Lines of the same columns. A test that is not llama-bench's stands in words in the notes."""
    rows = []
    for speed in published:
        for test, tokens, figure, words in (
            (
                "prefill",
                speed.prefill_tokens,
                speed.prefill_tokens_per_second,
                speed.prefill_test,
            ),
            ("decode", speed.decode_tokens, speed.decode_tokens_per_second, speed.decode_test),
        ):
            if figure is None:
                continue
            told = (words if tokens is None else "", speed.notes)
            rows.append(
                {
                    "name": f"{speed.device}, {speed.model} {speed.quant_type}",
                    "model": speed.model,
                    "quant_type": speed.quant_type,
                    "size_bytes": speed.size_bytes,
                    "test": test,
                    "tokens": tokens,
                    "tokens_per_second": figure,
                    "engine": speed.engine,
                    "commit": speed.build,
                    "device": speed.device,
                    "backend": speed.backend,
                    "source": speed.source,
                    "status": f"published, {speed.status.value}",
                    "notes": "; ".join(note for note in told if note),
                }
            )
    return rows


def _gpu_names(machine: dict[str, Any]) -> list[str]:
    gpus = machine.get("gpus")
    if not isinstance(gpus, list):
        return []
    return [str(gpu["name"]) for gpu in gpus if isinstance(gpu, dict) and gpu.get("name")]


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _invalid(path: Path, reason: str) -> AppError:
    return AppError(ErrorCode.RESULT_FILE_INVALID, path=shown(path), reason=reason)


def _unreadable(path: Path, error: OSError) -> AppError:
    return AppError(
        ErrorCode.PATH_UNREADABLE, path=shown(path), reason=error.strerror or str(error)
    )
