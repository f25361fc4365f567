"""Build what ships of other people's measurements: resources/known/speeds.json and gpus.json.

    uv run python packaging/known.py FOLDER --date 2026-09-30

FOLDER holds `speed_table.csv` (measured speeds of devices) and `gpus.csv` (their memory, bandwidth,
compute and power), collected by hand; the date is the day they were collected. Nothing is invented
here: names and units become ours, each row keeps its source and how sure it is, and a row that
makes no sense ends the build. `desktop/core/hardware/known.py` reads the result.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "resources" / "known"

# What a model is to the engine: the GGUF's architecture, and its parameters in billions (those of
# the text model). Two models with the same are equally fast at the same quant type.
# Source: the model cards at huggingface.co; Llama 2 7B has the shapes of LLaMA 7B.
# "Llama-type 8B" is left out: nobody says which model it was.
MODELS: dict[str, tuple[str, float]] = {
    "Gemma 3 27B": ("gemma3", 27.0),
    "Gemma 3 4B": ("gemma3", 3.88),
    "LFM2.5 1.2B": ("lfm2", 1.17),
    "LLaMA 7B": ("llama", 6.74),
    "Llama 2 7B": ("llama", 6.74),
    "Llama 3 70B": ("llama", 70.55),
    "Llama 3 8B": ("llama", 8.03),
    "Llama 3.1 8B": ("llama", 8.03),
    "Llama 3.2 1B": ("llama", 1.24),
    "Llama 3.2 3B": ("llama", 3.21),
    "Mistral 7B v0.3": ("llama", 7.25),
    "Qwen2.5 14B": ("qwen2", 14.77),
    "Qwen2.5-Coder 7B": ("qwen2", 7.62),
    "Qwen3 1.7B": ("qwen3", 1.72),
    "Qwen3 14B": ("qwen3", 14.77),
    "Qwen3 30B-A3B": ("qwen3moe", 30.53),
    "Qwen3 32B": ("qwen3", 32.76),
    "Qwen3 4B": ("qwen3", 4.02),
    "Qwen3 8B": ("qwen3", 8.19),
    "Qwen3-Coder 30B-A3B": ("qwen3moe", 30.53),
    "Qwen3.5 0.8B": ("qwen35", 0.75),
    "Qwen3.5 9B": ("qwen35", 8.96),
    "Qwen3.6 27B": ("qwen35", 26.89),
    "Qwen3.6 35B-A3B": ("qwen35moe", 34.68),
    "gpt-oss 120B": ("gpt-oss", 116.8),
    "gpt-oss 20B": ("gpt-oss", 20.9),
}
UNKNOWN_MODELS = ("Llama-type 8B",)
STATUSES = {"verified-primary": "read", "verified-secondary": "transcribed"}
# A copy of a page that could not be opened itself; the number means nothing to a reader.
_TRANSCRIPTION = re.compile(r"\((read )?via (?:stored )?transcription(?: id \d+)?")
_ENGINE = re.compile(r"(?P<engine>llamacpp|ollama):(?P<backend>.+)|(?P<b>.+)\(llamafile\)")
_TOKENS = re.compile(r"(?:pp|tg)(\d+)")

# Abbreviations in the tables, as a reader elsewhere understands them.
_PLAINER = {
    "disc. 4167 table": "github.com/ggml-org/llama.cpp/discussions/4167",
    "disc. 4167": "github.com/ggml-org/llama.cpp/discussions/4167",
    "whichllm / disc. 4167": "whichllm data/gpu.py / "
    "github.com/ggml-org/llama.cpp/discussions/4167",
    "transcription sec.3 (secondary)": "read in a transcription",
    "transcription of the live table; spot-check before shipping": "from a table that still grows",
}

Row = dict[str, str]


class DataError(Exception):
    """Words for the person who runs this script."""


def speed(row: Row) -> dict[str, Any]:
    """A row of the speed table, as it ships."""
    model = row["model"]
    if model not in MODELS and model not in UNKNOWN_MODELS:
        raise DataError(f"the model {model!r} has no line in MODELS")
    architecture, billions = MODELS.get(model, (None, None))
    engine, backend = _engine(row["backend"])
    size_gib = _number(row["model_size_gib"], 0.01, 1000)
    made = {
        "device": _needed(row, "device"),
        "vendor": _needed(row, "vendor"),
        "engine": engine,
        "backend": backend,
        "bandwidth_gb_per_second": _number(row["bandwidth_gbs"], 5, 20_000),
        "bandwidth_source": _plain(row["bandwidth_source"]),
        "model": model,
        "architecture": architecture,
        "parameters": None if billions is None else round(billions * 1e9),
        "quant_type": _needed(row, "quant"),
        "size_bytes": None if size_gib is None else round(size_gib * (1 << 30)),
        "prefill_test": row["pp_test"],
        "prefill_tokens": _tokens(row["pp_test"]),
        "prefill_tokens_per_second": _number(row["pp_tps"], 0.1, 1e6),
        "decode_test": row["tg_test"],
        "decode_tokens": _tokens(row["tg_test"]),
        "decode_tokens_per_second": _number(row["tg_tps"], 0.1, 1e5),
        "build": row["build_or_date"],
        "source": _plain(_needed(row, "source")),
        "status": STATUSES[row["status"]],
        "notes": _plain(row["notes"]),
    }
    if made["prefill_tokens_per_second"] is None and made["decode_tokens_per_second"] is None:
        raise DataError(f"{made['device']}, {model} has no figure")
    return made


def gpu(row: Row) -> dict[str, Any]:
    """A row of the table of devices, as it ships."""
    year = _number(row["year"], 2010, 2100)
    return {
        "name": _needed(row, "name"),
        "vendor": _needed(row, "vendor"),
        "memory_gb": _number(row["vram_gb"], 1, 1024),
        "unified_memory": row["unified_memory"] == "yes",
        "bandwidth_gb_per_second": _number(row["bandwidth_gbs"], 5, 20_000),
        "fp16_tflops": _number(row["fp16_tflops"], 0.1, 20_000),
        "fp16_tensor_tflops": _number(row["fp16_tensor_tflops"], 0.1, 20_000),
        "power_watts": _number(row["tdp_w"], 5, 3000),
        "year": None if year is None else int(year),
        "source": _needed(row, "source"),
        "confidence": _needed(row, "confidence"),
        "remembered": [name for name in row["remembered_fields"].split(";") if name],
        "notes": row["note"],
    }


def _needed(row: Row, name: str) -> str:
    if not row[name].strip():
        raise DataError(f"a row has no {name}: {row}")
    return row[name].strip()


def _number(text: str, low: float, high: float) -> float | None:
    if not text.strip():
        return None
    value = float(text)
    if not low <= value <= high:
        raise DataError(f"{text} is not from {low} to {high}")
    return value


def _tokens(test: str) -> int | None:
    """The tokens of llama-bench's own test, "pp512"; None where a test was another or unclear."""
    found = _TOKENS.fullmatch(test)
    return int(found[1]) if found else None


def _engine(text: str) -> tuple[str, str]:
    """("llama.cpp", "cuda") of "cuda" or "llamacpp:cuda"; llamafile and ollama name themselves."""
    found = _ENGINE.fullmatch(text)
    if found is None:
        return "llama.cpp", text
    if found["b"]:
        return "llamafile", found["b"]
    if found["engine"] == "ollama":
        return "ollama", "" if found["backend"] == "ollama" else found["backend"]
    return "llama.cpp", found["backend"].rstrip("?")


def _plain(text: str) -> str:
    if text in _PLAINER:
        return _PLAINER[text]
    return _TRANSCRIPTION.sub("(read in a transcription", text)


def build(source: Path, make: Callable[[Row], dict[str, Any]]) -> list[dict[str, Any]]:
    with source.open(encoding="utf-8", newline="") as stream:
        rows = [make({key: value or "" for key, value in row.items()}) for row in _rows(stream)]
    if not rows:
        raise DataError(f"{source} has no rows")
    return rows


def _rows(stream: Any) -> list[Row]:
    found = list(csv.DictReader(stream, restkey="rest"))
    for number, row in enumerate(found, 2):
        if "rest" in row:
            raise DataError(f"line {number} has too many fields")
    return found


def text_of(key: str, rows: list[dict[str, Any]], collected: date) -> str:
    """One row a line, so that a change can be read."""
    lines = ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    return f'{{"date": "{collected.isoformat()}", "{key}": [\n{lines}\n]}}\n'


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--date", type=date.fromisoformat, required=True)
    args = parser.parse_args()
    try:
        speeds = build(args.folder / "speed_table.csv", speed)
        gpus = build(args.folder / "gpus.csv", gpu)
    except (DataError, OSError, KeyError, ValueError) as error:
        print(f"known.py: {error}", file=sys.stderr)
        return 1
    TARGET.mkdir(parents=True, exist_ok=True)
    for key, rows in (("speeds", speeds), ("gpus", gpus)):
        (TARGET / f"{key}.json").write_text(text_of(key, rows, args.date), "utf-8")
        print(f"{key}.json: {len(rows)} rows")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
