"""Build the catalogue of models that ships: resources/catalog/models.json.

    uv run python packaging/catalog.py CATALOG.CSV --date 2026-11-21 --sizes-date 2026-08-22

The table was collected by hand; the dates are the day it was finished and the day of the newest
file sizes in it. Nothing is invented here: names and units become ours, each row keeps its sources
and how sure it is, and a row that makes no sense ends the build.
`desktop/core/fit/catalog.py` reads the result.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
import sys
from collections.abc import Callable, Iterable
from datetime import date
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "resources" / "catalog" / "models.json"
SCHEMA = 1

CAPABILITIES = ("chat", "code", "reasoning", "vision", "tools", "embedding", "rerank")
# The table calls models that only translate chat models; their names say what they are.
_TRANSLATES = re.compile(r"translat", re.IGNORECASE)
CONFIDENCES = ("read", "remembered")
_ID = re.compile(r"[\w.-]+/[\w.-]+")
_RELEASE = re.compile(r"20\d\d-(0[1-9]|1[0-2])")
_LANGUAGE = re.compile(r"[a-z]{2}|multi(\(\d+\+\))?")
_OTHER_QUANT = re.compile(r"q4 column is ([\w-]+)")
_NATIVE = re.compile(r"native (MXFP4)")

Row = dict[str, str]


class DataError(Exception):
    """Words for the person who runs this script."""


def model(row: Row) -> dict[str, Any]:
    """A row of the table, as it ships. Sizes become bytes; they stay as rounded as they are."""
    name = _matching(row, "model_id", _ID)
    sizes = {
        quant: size
        for quant, column in (
            (_four_bit(row), "size_q4_k_m_gb"),
            ("Q8_0", "size_q8_0_gb"),
            ("F16", "size_f16_gb"),
        )
        if (size := _scaled(row[column], 1e9, 0.01, 3000)) is not None
    }
    if list(sizes.values()) != sorted(sizes.values()):
        raise DataError(f"{name}: a file with more bits is smaller")
    total = _scaled(row["params_total_b"], 1e9, 0.01, 3000)
    active = _scaled(row["params_active_b"], 1e9, 0.01, 3000)
    if total is None or (active is not None and active > total):
        raise DataError(f"{name}: the counts of parameters make no sense")
    made = {
        "id": name,
        "name": _needed(row, "display_name"),
        "family": _needed(row, "family"),
        "publisher": _needed(row, "publisher"),
        "license": row["license"] or None,
        "release": _matching(row, "release", _RELEASE),
        "parameters": total,
        "active_parameters": active,
        "file_parameters": _scaled(row["check_params_b"], 1e9, 0.01, 3000),
        "repository": _matching(row, "gguf_repo", _ID) if row["gguf_repo"] else None,
        "architecture": row["architecture"] or None,
        "n_layers": _whole(row["n_layers"], 1, 512),
        "n_full_layers": _whole(row["n_attn_layers_full"], 0, 512),
        "embedding_length": _whole(row["d_model"], 16, 65_536),
        "n_heads": _whole(row["n_heads"], 1, 1024),
        "n_kv_heads": _whole(row["n_kv_heads"], 1, 1024),
        "head_dim": _whole(row["head_dim"], 8, 4096),
        "feed_forward": _whole(row["ffn_dim"], 16, 1 << 20),
        "n_experts": _whole(row["n_experts"], 2, 4096),
        "n_experts_used": _whole(row["n_experts_used"], 1, 4096),
        "window": _whole(row["sliding_window"], 16, 1 << 20),
        "context_tokens": _whole(row["context_max"], 256, 1 << 24),
        "vocab_size": _whole(row["vocab_size"], 1000, 1 << 20),
        "kv_bytes_per_token": _whole(row["kv_bytes_per_token_f16"], 1, 1 << 24),
        "kv_window_bytes_per_token": _whole(row["kv_swa_bytes_per_token_f16"], 1, 1 << 24),
        "capabilities": _capabilities(row),
        "languages": _words(row, "languages_strong", ",", _LANGUAGE.fullmatch),
        "sizes": sizes,
        "native_quant": _native(row),
        "mmproj_bytes": _scaled(row["mmproj_gb"], 1e9, 0.001, 100),
        "confidence": _one_of(row, "confidence", CONFIDENCES),
        "dims_from": row["dims_from"] or None,
        "size_note": row["size_note"],
        "notes": row["arch_note"],
        "scores": row["quality_note"],
        "downloads": _whole(row["gguf_downloads_2026_08"], 0, 1 << 40),
        "source": _needed(row, "source"),
    }
    if (made["n_full_layers"] or 0) > (made["n_layers"] or 512):
        raise DataError(f"{name}: more layers attend than there are")
    return made


def _capabilities(row: Row) -> list[str]:
    words = _words(row, "capabilities", "|", lambda word: word in CAPABILITIES)
    if _TRANSLATES.search(row["model_id"]) or _TRANSLATES.search(row["display_name"]):
        return ["translation" if word == "chat" else word for word in words]
    return words


def _four_bit(row: Row) -> str:
    """The quant type of the file in the 4-bit column, which is not always Q4_K_M."""
    found = _OTHER_QUANT.search(row["size_note"])
    return found[1] if found else "Q4_K_M"


def _native(row: Row) -> str | None:
    """The type the model was trained in, where that is no 16-bit one: other files have no more."""
    found = _NATIVE.search(row["size_note"])
    return found[1] if found else None


def _needed(row: Row, name: str) -> str:
    if not row[name].strip():
        raise DataError(f"a row has no {name}: {row}")
    return row[name].strip()


def _matching(row: Row, name: str, pattern: re.Pattern[str]) -> str:
    text = _needed(row, name)
    if pattern.fullmatch(text) is None:
        raise DataError(f"{row['model_id']}: {name} cannot be {text!r}")
    return text


def _one_of(row: Row, name: str, allowed: tuple[str, ...]) -> str:
    text = _needed(row, name)
    if text not in allowed:
        raise DataError(f"{row['model_id']}: {name} cannot be {text!r}")
    return text


def _words(row: Row, name: str, comma: str, known: Callable[[str], Any]) -> list[str]:
    words = [word.strip() for word in _needed(row, name).split(comma)]
    if unknown := [word for word in words if not known(word)]:
        raise DataError(f"{row['model_id']}: {name} has {unknown}")
    return words


def _whole(text: str, low: int, high: int) -> int | None:
    if not text.strip():
        return None
    value = int(text)
    if not low <= value <= high:
        raise DataError(f"{text} is not from {low} to {high}")
    return value


def _scaled(text: str, unit: float, low: float, high: float) -> int | None:
    if not text.strip():
        return None
    value = float(text)
    if not low <= value <= high:
        raise DataError(f"{text} is not from {low} to {high}")
    return round(value * unit)


def build(source: Path) -> list[dict[str, Any]]:
    """Every row of the table, in its order.

    Raises:
        DataError, OSError, KeyError, ValueError: it is no such table.
    """
    with source.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream, restkey="rest"))
    if not rows:
        raise DataError(f"{source} has no rows")
    for number, row in enumerate(rows, 2):
        if "rest" in row:
            raise DataError(f"line {number} has too many fields")
    made = [model({key: value or "" for key, value in row.items()}) for row in rows]
    if twice := _twice(each["id"] for each in made):
        raise DataError(f"{twice} stands there twice")
    return made


def _twice(names: Iterable[str]) -> str | None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return None


def text_of(rows: list[dict[str, Any]], collected: date, sizes: date) -> str:
    """One row a line, so that a change can be read."""
    head = {"schema": SCHEMA, "date": collected.isoformat(), "sizes_date": sizes.isoformat()}
    lines = ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    return f'{json.dumps(head)[:-1]}, "models": [\n{lines}\n]}}\n'


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("table", type=Path)
    parser.add_argument("--date", type=date.fromisoformat, required=True)
    parser.add_argument("--sizes-date", type=date.fromisoformat, required=True)
    args = parser.parse_args()
    try:
        rows = build(args.table)
    except (DataError, OSError, KeyError, ValueError) as error:
        print(f"catalog.py: {error}", file=sys.stderr)
        return 1
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_text(text_of(rows, args.date, args.sizes_date), "utf-8")
    print(f"{TARGET.name}: {len(rows)} models")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
