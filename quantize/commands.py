"""What `python -m quantize` does: the package's work, without a service and its database."""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from desktop.core.errors import AppError, ErrorCode
from desktop.core.events import CancelToken, Reporter
from desktop.core.gguf.local import read_header
from desktop.core.gguf.split import part_names
from desktop.core.gguf.summary import ModelSummary, merge, summarize
from desktop.core.gguf.tensor_types import TYPES_BY_NAME
from desktop.core.paths import paths
from quantize import checkpoint, convert, evaluate, imatrix, make, naming, text, types
from quantize import toolkit as toolkits
from quantize.dry_runs import DryRuns
from quantize.engine import Engine
from quantize.plan import Matrix, Request, Wanted, make_plan
from quantize.rates import Rates
from quantize.recipe import Recipe

Json = dict[str, Any]


def plan(args: argparse.Namespace, reporter: Reporter, cancel: CancelToken) -> Json:
    """What files of these types would be and take."""
    engine, source = Engine.find(args.engine), _source(args.model)
    summary, chunks = _summary(args.model), 0
    if args.evaluate is not None:
        chunks = _chunks(engine, args, args.evaluate, cancel)
    request = Request(
        source,
        summary,
        _wanted(args, engine),
        Path(tempfile.gettempdir()),
        matrix=Matrix.NONE if args.imatrix is None else Matrix.GIVEN,
        chunks=chunks,
        requantize=args.requantize,
        replace=args.replace,
    )
    return make_plan(
        request,
        DryRuns(),
        engine.tool("llama-quantize"),
        rates=Rates(threads=os.cpu_count() or 1),
        memory_available_bytes=None,
        cancel=cancel,
    ).to_dict()


def quantize(args: argparse.Namespace, reporter: Reporter, cancel: CancelToken) -> Json:
    """Files of these types, each whole or not there."""
    engine, source = Engine.find(args.engine), _source(args.model)
    quantizer, wanted = engine.tool("llama-quantize"), _wanted(args, engine)
    make.check_source(source, requantize=args.requantize)
    bare = [each.label for each in wanted if each.recipe.quant_type in types.NEEDS_IMATRIX]
    if bare and args.imatrix is None:
        raise AppError(ErrorCode.IMATRIX_NEEDED, types=", ".join(bare))
    for each in wanted:
        _check_free(each.path, args.replace)
    digest = make.sha256_of(source.path, cancel)
    source = make.Source(source.path, digest, source.quantized, source.size_bytes)
    facts = {}
    if args.imatrix is not None:
        facts["imatrix_sha256"] = make.sha256_of(_existing(args.imatrix), cancel)
    outputs = []
    for each in wanted:
        made = make.make(
            quantizer,
            source,
            each.path,
            each.recipe,
            imatrix=args.imatrix,
            provenance={"recipe": each.label, **facts},
            reporter=reporter,
            cancel=cancel,
        )
        outputs.append({**made.to_dict(), "label": each.label})
    return {"source": str(source.path), "source_sha256": digest, "outputs": outputs}


def compute_imatrix(args: argparse.Namespace, reporter: Reporter, cancel: CancelToken) -> Json:
    """An importance matrix of a model and a text; an interrupted one goes on."""
    engine, target = Engine.find(args.engine), args.output
    _check_free(target, args.replace)
    read = text.read(engine.tool("llama-tokenize"), _existing(args.model), args.text, cancel)
    chunks = min(read.chunks, args.chunks or read.chunks)
    imatrix.compute(
        engine.tool("llama-imatrix"),
        args.model,
        args.text,
        target,
        chunks=chunks,
        reporter=reporter,
        cancel=cancel,
    )
    return {"path": str(target), "size_bytes": target.stat().st_size, "chunks": chunks}


def evaluate_files(args: argparse.Namespace, reporter: Reporter, cancel: CancelToken) -> Json:
    """What files lose against the whole model on a text."""
    engine, summary = Engine.find(args.engine), _summary(args.model)
    for path in args.files:
        _existing(path)
    chunks = _chunks(engine, args, args.text, cancel)
    runner, vocabulary = engine.tool("llama-perplexity"), summary.vocab_size or 1
    outputs = []
    with tempfile.TemporaryDirectory(prefix="paddock-evaluate-", dir=args.scratch) as folder:
        answers = Path(folder) / "answers.logits"
        base = evaluate.make_base(
            runner,
            args.model,
            args.text,
            answers,
            chunks=chunks,
            vocabulary=vocabulary,
            reporter=reporter,
            cancel=cancel,
        )
        for path in args.files:
            loss = evaluate.measure(
                runner, path, args.text, answers, reporter=reporter, cancel=cancel
            )
            known = _summary(path)
            outputs.append(
                {
                    "path": str(path),
                    "label": path.stem,
                    "quant_type": known.quant_type,
                    "size_bytes": known.size_bytes,
                    "bits_per_weight": known.bits_per_weight,
                    **loss.to_dict(),
                }
            )
    return {"base": {"path": str(args.model), **base.to_dict()}, "outputs": outputs}


def convert_checkpoint(args: argparse.Namespace, reporter: Reporter, cancel: CancelToken) -> Json:
    """A GGUF file of a checkpoint, by the toolkit that `paddock convert` installs."""
    target = args.output
    _check_free(target, args.replace)
    found = checkpoint.read(args.checkpoint, allow_pickle=args.allow_pickle)
    root = args.toolkit or paths().data / "toolkit"
    tools = toolkits.find(root)
    if tools is None:
        reason = f"It is not in {root}. `paddock convert --install-only` installs it."
        raise AppError(ErrorCode.TOOLKIT_FAILED, reason=reason)
    wanted = convert.Wanted.of(args.type, args.mmproj)
    convert.check_known(found, tools, wanted)
    with tempfile.TemporaryDirectory(prefix="paddock-convert-") as work:
        return convert.convert(
            tools,
            found,
            target,
            wanted,
            name=found.folder.resolve().name,
            source=convert.hashes(found, reporter, cancel),
            check=_check,
            work=Path(work),
            reporter=reporter,
            cancel=cancel,
        )


# --- what they have in common ---------------------------------------------------------------------


def recipes_of(args: argparse.Namespace, engine: Engine) -> list[Recipe]:
    """A recipe for each type, with what is mixed into all of them.

    Raises:
        AppError: SETTING_INVALID.
    """
    names = [name for name in args.types.split(",") if name.strip()]
    mixed: Mapping[str, Any] = {
        "output_type": args.output_type,
        "embedding_type": args.embedding_type,
        "tensor_types": [each.rpartition("=")[::2] for each in args.tensor],
        "pure": args.pure,
    }
    found = types.named(engine.tool("llama-quantize"), names)
    return [Recipe.from_dict({"quant_type": each.name, **mixed}) for each in found]


def _wanted(args: argparse.Namespace, engine: Engine) -> tuple[Wanted, ...]:
    found = []
    for recipe in recipes_of(args, engine):
        label = naming.label(recipe)
        folder = args.output if args.output is not None else args.model.parent
        found.append(Wanted(label, recipe, naming.target(str(folder), None, args.model, label)))
    return tuple(found)


def _source(path: Path) -> make.Source:
    summary = _summary(path)
    quantized = any(TYPES_BY_NAME[name].block > 1 for name in summary.tensor_types)
    return make.Source(path, "", quantized, summary.size_bytes)


def _summary(path: Path) -> ModelSummary:
    files = [_existing(path.with_name(name)) for name in part_names(path.name)]
    return merge([_read(each) for each in files])


def _check(made: Path) -> None:
    _read(made)


def _read(path: Path) -> ModelSummary:
    return summarize(read_header(path))


def _chunks(engine: Engine, args: argparse.Namespace, path: Path, cancel: CancelToken) -> int:
    read = text.read(engine.tool("llama-tokenize"), args.model, _existing(path), cancel)
    vocabulary = _summary(args.model).vocab_size or 1
    room = evaluate.chunks_within(vocabulary, evaluate.BASE_BYTES)
    return min(read.chunks, room, args.chunks or evaluate.MOST_CHUNKS)


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise AppError(ErrorCode.PATH_NOT_FOUND, path=str(path))
    return path


def _check_free(target: Path, replace: bool) -> None:
    if target.exists() and not replace:
        raise AppError(ErrorCode.OUTPUT_EXISTS, path=str(target))
