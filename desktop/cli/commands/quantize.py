"""`paddock quantize`: quantized files of a model, and what each of them lost."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from desktop.cli.output import Output
from desktop.cli.parser import Commands, whole

Json = dict[str, Any]
OURS = ""
# English, Japanese and code; a file is never judged by the text it was tuned on.
_TEXTS = {"imatrix": "importance.txt", "evaluate": "evaluation.txt"}


def register(commands: Commands) -> None:
    parser = commands.add(
        "quantize", run, "make quantized files of a model, and measure what each lost"
    )
    parser.add_argument("file", metavar="FILE", help="a GGUF file, best F16 or BF16, or its id")
    parser.add_argument("--types", required=True, metavar="T[,T…]", help="Q4_K_M,Q8_0,…")
    parser.add_argument(
        "--imatrix",
        nargs="?",
        const=OURS,
        metavar="TEXT",
        help="a text to compute an importance matrix from, or a matrix (.gguf, .dat); without a "
        "name: the text that comes with Paddock",
    )
    parser.add_argument(
        "--evaluate",
        nargs="?",
        const=OURS,
        metavar="TEXT",
        help="a text on which each file is compared with FILE; without a name: Paddock's",
    )
    parser.add_argument(
        "--chunks", type=whole(1, 100_000), metavar="N", help="use N × 512 tokens of the texts"
    )
    parser.add_argument("-o", "--output", metavar="DIR", help="default: the folder of FILE")
    parser.add_argument("--name", help="how the files' names begin")
    parser.add_argument("--output-type", metavar="T", help="of the output tensor, in all files")
    parser.add_argument("--embedding-type", metavar="T", help="of the token embedding tensor")
    parser.add_argument(
        "--tensor",
        action="append",
        default=[],
        metavar="PATTERN=T",
        help="type of the tensors whose names match; may be given several times",
    )
    parser.add_argument("--pure", action="store_true", help="the same type for all tensors")
    parser.add_argument("--requantize", action="store_true", help="also of a quantized file")
    parser.add_argument("--replace", action="store_true", help="replace files that exist")


def run(args: argparse.Namespace, out: Output) -> int:
    from desktop.cli import session
    from desktop.cli.following import job

    client = session.started(out)
    source = _source(args.file, client)
    params: Json = {
        "path": str(source),
        "folder": str(Path(args.output).absolute() if args.output else source.parent),
        "requantize": args.requantize,
        "replace": args.replace,
    }
    names = [name for name in args.types.split(",") if name.strip()]
    shared = _shared(args)
    if shared:
        params["recipes"] = [{"quant_type": name.strip().upper(), **shared} for name in names]
    else:
        params["types"] = names
    for option, text in _TEXTS.items():
        given = getattr(args, option)
        if given is not None:
            params[option] = str(_ours(text) if given == OURS else Path(given).absolute())
    for option in ("chunks", "name"):
        if getattr(args, option) is not None:
            params[option] = getattr(args, option)
    result = job(client, "quantize", params, out)["result"]
    out.result(result, lambda: show(result, out))
    return 0


def _ours(text: str) -> Path:
    from desktop.core.paths import resources

    return resources() / "texts" / text


def _source(name: str, client: Any) -> Path:
    """A file, or the file of a model in the library."""
    path = Path(name).expanduser()
    if path.exists() or path.suffix == ".gguf":
        return path.absolute()
    for model in client.models():
        if name in (model["id"], *model.get("aliases", ())):
            return Path(model["path"])
    from desktop.core.errors import AppError, ErrorCode

    raise AppError(ErrorCode.MODEL_NOT_FOUND, model=name)


def _shared(args: argparse.Namespace) -> Json:
    """What all recipes have in common besides their types; empty where they are plain."""
    shared: Json = {}
    if args.output_type:
        shared["output_type"] = args.output_type
    if args.embedding_type:
        shared["embedding_type"] = args.embedding_type
    if args.pure:
        shared["pure"] = True
    pairs = []
    for text in args.tensor:
        pattern, found, name = text.rpartition("=")
        if not found or not pattern or not name:
            from desktop.core.errors import AppError, ErrorCode

            reason = "It is written as PATTERN=TYPE, such as attn_v=q6_k."
            raise AppError(ErrorCode.SETTING_INVALID, name="--tensor", value=text, reason=reason)
        pairs.append([pattern, name])
    if pairs:
        shared["tensor_types"] = pairs
    return shared


def show(result: Json, out: Output) -> None:
    """The files, the largest first, with what each lost and how fast it is."""
    from desktop.cli.units import figure, size

    evaluated = result.get("base") is not None
    rows = []
    for each in sorted(result["outputs"], key=lambda one: -one["size_bytes"]):
        row: tuple[object, ...] = (
            Path(each["path"]).name,
            size(each["size_bytes"]),
            figure(each["bits_per_weight"], 2),
        )
        if evaluated:
            row += (
                f"✓ {each['kld_mean']:.4f} ± {each['kld_error']:.4f}",
                "" if each["kld_99"] is None else f"{each['kld_99']:.3f}",
                f"{each['same_top_rate']:.2%}",
                figure(each["perplexity"], 2),
                figure(each["decode_tokens_per_second"], 1),
            )
        rows.append(row)
    columns: tuple[str, ...] = ("FILE", ">SIZE", ">BITS/WEIGHT")
    if evaluated:
        columns += (">KLD MEAN", ">KLD 99 %", ">SAME TOP", ">PERPLEXITY", ">TOK/S")
    out.table(columns, rows)
    for each in result["outputs"]:
        if each["fallbacks"]:
            count = len(each["fallbacks"])
            out.note(f"{each['quant_type']}: {count} tensors got another type (rows too short).")
    if evaluated:
        chunks = result["base"]["chunks"]
        out.note(f"Compared with the whole model on up to {chunks} × 512 tokens of the text.")
