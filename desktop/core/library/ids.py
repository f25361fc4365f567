"""What a model is called: `qwen3-8b:q4_k_m`, from what its header or its file name says."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Mapping
from pathlib import Path

from desktop.core.gguf.summary import ModelSummary
from desktop.core.library.entry import Kind, ModelEntry

BUNDLED_ID = "paddock-guide:q8_0"
_MAX_SLUG = 80
_QUANT = (
    r"(?:ud-)?(?:i1-)?(?:i?q\d(?:_(?:k|0|1|nl|xxs|xs|s|m|l|xl))*|tq\d_\d|b?f16|f32|fp16|fp32|bf32"
    r"|mxfp4(?:_moe)?|nvfp4)"
)
_QUANT_AT_END = re.compile(rf"[-._ ](?P<quant>{_QUANT})$", re.IGNORECASE)
_PART_AT_END = re.compile(r"-\d{5}-of-\d{5}$")
_GGUF_WORD = re.compile(r"(?:^|[-._ ])(?:i1-)?gguf(?=$|[-._ ])", re.IGNORECASE)
_SIZE = re.compile(r"(?:^|[-_ .x])\d+(?:\.\d+)?[bm](?=$|[-_ .])", re.IGNORECASE)
# What converters write when they were not told a name.
_MEANINGLESS = re.compile(
    r"^(?:model|models|hf|snapshots?|checkpoint.*|tmp.*|merged?|output|unknown|none|null|"
    r"[0-9a-f]{32,64}|\W*)$",
    re.IGNORECASE,
)
_PREFIXES: dict[Kind, str] = {"projector": "mmproj", "adapter": "adapter", "vocab": "vocab"}


def slug(text: str) -> str:
    """`text` in [a-z0-9._-]; empty where that would lose letters (日本語) or leave none."""
    plain = unicodedata.normalize("NFKD", text)
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    if any(not letter.isascii() and letter.isalnum() for letter in plain):
        return ""
    plain = re.sub(r"[^a-z0-9._-]+", "-", plain.lower())
    plain = re.sub(r"-{2,}", "-", plain).strip("-._")[:_MAX_SLUG].strip("-._")
    return plain if re.search(r"[a-z0-9]", plain) else ""


def split_file_name(path: Path) -> tuple[str, str]:
    """A file's name without ending, part number and the word GGUF; and its quant label or ""."""
    stem = _PART_AT_END.sub("", re.sub(r"\.gguf$", "", path.name, flags=re.IGNORECASE))
    quant = ""
    while match := _QUANT_AT_END.search(stem):
        quant = quant or match["quant"].lower()
        stem = stem[: match.start()]
    return _GGUF_WORD.sub("", stem) or stem, quant


def _from_header(summary: ModelSummary) -> str:
    size = summary.size_label or ""
    name = _GGUF_WORD.sub("", summary.name or "")
    while match := _QUANT_AT_END.search(name):
        name = name[: match.start()]
    if _MEANINGLESS.match(name):
        words = (summary.basename, summary.size_label, summary.finetune)
        return slug("-".join(word for word in words if word)) if summary.basename else ""
    plain = slug(name)
    if plain and re.fullmatch(r"[\d.]+[bm]", size, re.IGNORECASE) and not _SIZE.search(plain):
        plain = f"{plain}-{slug(size)}"
    return plain


def natural_id(entry: ModelEntry) -> str:
    """The id it would have were it alone."""
    if entry.bundled:
        return BUNDLED_ID
    if called := _called(entry):
        return _from_name(called)
    stem, label = split_file_name(entry.path)
    name = _from_header(entry.summary) if entry.summary else ""
    if not name:
        name = slug(stem)
    if not name:
        seed = entry.fingerprint or str(entry.path)
        name = f"model-{hashlib.sha256(seed.encode('utf-8', 'replace')).hexdigest()[:8]}"
    prefix = _PREFIXES.get(entry.kind)
    if prefix and prefix not in name:
        name = f"{prefix}-{name}"
    quant = (entry.summary.quant_type if entry.summary else None) or label
    tag = slug(quant) if quant else ""
    return f"{name}:{tag}" if tag else name


def _called(entry: ModelEntry) -> str | None:
    """The name it goes by, where a file's own name says nothing."""
    if entry.variant is not None:
        return entry.variant
    return entry.given.names[0] if entry.source == "ollama" and entry.given.names else None


def _from_name(name: str) -> str:
    """`llama3.2:3b` stays as it is; what stands in front of a model's name becomes a part of it."""
    model, _, tag = name.rpartition(":") if ":" in name.rpartition("/")[2] else (name, "", "")
    plain, plain_tag = slug(model), slug(tag)
    if not plain:
        plain = f"model-{hashlib.sha256(name.encode('utf-8', 'replace')).hexdigest()[:8]}"
    return f"{plain}:{plain_tag}" if plain_tag else plain


def place_of(entry: ModelEntry) -> str:
    """What stays the same when an entry's content is replaced: its name, else its path."""
    called = _called(entry)
    return str(entry.path) if called is None else f"{entry.root}:{called}".lower()


def assign(
    entries: Iterable[ModelEntry],
    stored: Mapping[str, str],
    before: Mapping[str, ModelEntry],
    aliases: Iterable[str] = (),
) -> dict[int, str]:
    """Ids for all entries, by position.

    An id once given stays with its content, also while that is not there: a disk that is plugged
    in again finds its models under their names. A file replaced by a newer state of the same model
    keeps its id. Broken files take what is left and own nothing.

    Args:
        entries: in order of preference, the bundled one first.
        stored: fingerprint → id, of everything that was ever there.
        before: the last scan's entries by `place_of`.
        aliases: names that people gave to models: no other model may take them.
    """
    listed = list(entries)
    present = {entry.fingerprint for entry in listed}
    given: dict[int, str] = {}
    taken: set[str] = {BUNDLED_ID, *(alias.lower() for alias in aliases)}

    def give(position: int, wanted: str, reserved: set[str]) -> None:
        number, candidate = 1, wanted
        while candidate in taken or candidate in reserved:
            number += 1
            candidate = f"{wanted}-{number}"
        taken.add(candidate)
        given[position] = candidate

    for position, entry in enumerate(listed):
        known = stored.get(entry.fingerprint)
        if entry.bundled:
            given[position] = BUNDLED_ID
        elif known and known not in taken:
            taken.add(known)
            given[position] = known
    reserved = set(stored.values())
    owners = {model_id: fingerprint for fingerprint, model_id in stored.items()}
    for position, entry in enumerate(listed):
        if position in given or entry.broken:
            continue
        wanted = natural_id(entry)
        if _called(entry) is not None and owners.get(wanted) not in present:
            give(position, wanted, reserved - {wanted})  # such a name means one thing at a time
            continue
        former = before.get(place_of(entry))
        replaced = former is not None and former.fingerprint not in present
        if former is not None and replaced and natural_id(former) == wanted:
            give(position, former.id, reserved - {former.id})
        else:
            give(position, wanted, reserved)
    for position, entry in enumerate(listed):
        if position not in given:
            give(position, natural_id(entry), set())
    return given
