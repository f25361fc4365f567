"""`paddock quantize`: quantized files of a model, and what each of them lost."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from desktop.cli.output import Output
from desktop.cli.parser import Commands, UsageError, decimal, whole

if TYPE_CHECKING:
    from desktop.core.client.client import Client

Json = dict[str, Any]
OURS = ""
# English, Japanese and code; a file is never judged by the text it was tuned on.
_TEXTS = {"imatrix": "importance.txt", "evaluate": "evaluation.txt"}
_CONVERTED = ("auto", "f16", "bf16", "f32")
_UNITS = {
    "k": 1e3, "m": 1e6, "g": 1e9, "t": 1e12,
    "ki": 2.0**10, "mi": 2.0**20, "gi": 2.0**30, "ti": 2.0**40,
}  # fmt: skip
_SIZE = re.compile(r"(\d+(?:\.\d+)?) ?([kmgt]i?)?b?", re.IGNORECASE)
# What stands alone: it makes no file.
_ALONE = ("list_types", "recipes", "remove_recipe", "import_recipes")


def register(commands: Commands) -> None:
    parser = commands.add(
        "quantize", run, "make quantized files of a model, and measure what each lost"
    )
    parser.add_argument(
        "file",
        metavar="FILE|DIR|REPO",
        nargs="?",
        help="a GGUF file, best F16 or BF16, or its id; or a checkpoint, which is converted first",
    )
    parser.add_argument("--types", metavar="T[,T…]", help="Q4_K_M,Q8_0,…; `list` shows all")
    parser.add_argument("--recipe", metavar="NAME[,NAME…]", help="saved recipes, with the types")
    parser.add_argument("-o", "--output", metavar="DIR", help="default: the folder of FILE, or .")
    parser.add_argument("--name", help="how the files' names begin")
    parser.add_argument("--replace", action="store_true", help="replace files that exist")
    parser.add_argument("--requantize", action="store_true", help="also of a quantized file")
    parser.add_argument(
        "--imatrix",
        nargs="?",
        const=OURS,
        metavar="TEXT",
        help="a text to compute an importance matrix from, or a matrix (.gguf, .dat); without a "
        "name: the text that comes with Paddock",
    )
    parser.add_argument("--dry-run", action="store_true", help="show what it would take, and stop")
    _evaluating(parser)
    _target(parser)
    _mixing(parser)
    _recipes(parser)
    checkpoints = parser.add_argument_group("checkpoints")
    checkpoints.add_argument(
        "--convert-type", choices=_CONVERTED, default="auto", help="of the file that is made first"
    )
    checkpoints.add_argument(
        "--allow-pickle",
        action="store_true",
        help="also read weights in pickles; only those of a maker whom you trust",
    )


def _evaluating(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("comparing")
    group.add_argument(
        "--evaluate",
        nargs="?",
        const=OURS,
        metavar="TEXT",
        help="a text on which each file is compared with FILE; without a name: Paddock's",
    )
    group.add_argument(
        "--compare",
        action="append",
        default=[],
        metavar="GGUF",
        help="another file of the same model to compare, too; may be given several times",
    )
    group.add_argument(
        "--budget", type=decimal(0.1, 10_000), metavar="MINUTES", help="time for comparing"
    )
    group.add_argument(
        "--chunks", type=whole(1, 100_000), metavar="N", help="use N × 512 tokens of the texts"
    )
    group.add_argument("--csv", metavar="CSV", help="write the table to a file")
    group.add_argument("--markdown", metavar="MD", help="the same, to be pasted into an issue")


def _target(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(
        "searching",
        "one file, its tensors mixed so that it loses least, in --budget minutes; with an "
        "importance matrix in any case: of Paddock's text where --imatrix names no other",
    )
    limit = group.add_mutually_exclusive_group()
    limit.add_argument(
        "--best-under",
        type=_bytes,
        metavar="SIZE",
        help="4.2GB (4.2 × 10⁹ bytes), 4.2G (the same), 4GiB (4 × 2³⁰), 900M",
    )
    limit.add_argument(
        "--at-least", type=decimal(0.01, 1e6), metavar="TOK/S", help="decode speed here"
    )


def _mixing(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("mixing, in all of --types")
    group.add_argument("--output-type", metavar="T", help="of the output tensor")
    group.add_argument("--embedding-type", metavar="T", help="of the token embedding tensor")
    group.add_argument(
        "--tensor",
        action="append",
        default=[],
        metavar="PATTERN=T",
        help="type of the tensors whose names match; may be given several times",
    )
    group.add_argument("--pure", action="store_true", help="the same type for all tensors")


def _recipes(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("recipes and types")
    group.add_argument("--list-types", action="store_true", help="the types this build makes")
    group.add_argument("--recipes", action="store_true", help="list them; with --json to keep")
    group.add_argument(
        "--save-recipe", metavar="NAME", help="save --types, which is one, with what is mixed in"
    )
    group.add_argument(
        "--replace-recipe", action="store_true", help="also where one is called so already"
    )
    group.add_argument("--remove-recipe", metavar="NAME")
    group.add_argument(
        "--import-recipes", metavar="JSON", help="save those that --recipes --json has shown"
    )


def _bytes(text: str) -> int:
    found = _SIZE.fullmatch(text.strip())
    size = float(found[1]) * _UNITS.get((found[2] or "").lower(), 1.0) if found else 0.0
    if not 1 <= size < 1e16:
        raise argparse.ArgumentTypeError(f"{text!r} is no size such as 4.2GB, 4GiB or 900M")
    return int(size)


def run(args: argparse.Namespace, out: Output) -> int:
    if args.types == "list":
        args.types, args.list_types = None, True
    _check(args)
    from desktop.cli import quant_recipes, session

    client = session.started(out)
    if args.list_types:
        return quant_recipes.show_types(client, out)
    if args.recipes:
        return quant_recipes.show(client, out)
    if args.remove_recipe is not None:
        return quant_recipes.remove(client, args.remove_recipe, out)
    if args.import_recipes is not None:
        path = Path(args.import_recipes).expanduser()
        return quant_recipes.take_over(client, path, args.replace_recipe, out)
    if args.save_recipe is not None:
        recipe = {"quant_type": _names(args.types)[0], **_mixed(args)}
        saved = client.save_quant_recipe(args.save_recipe, recipe, replace=args.replace_recipe)
        if args.file is None:
            out.result(saved, lambda: out.line(f"Saved as {saved['name']}."))
            return 0
        out.note(f"Saved as {saved['name']}.")
    if args.best_under is not None or args.at_least is not None:
        return _search(args, client, out)
    return _make(args, client, out)


def _check(args: argparse.Namespace) -> None:
    """Raises UsageError for words that make no sense together."""
    alone = [name for name in _ALONE if getattr(args, name)]
    searching = args.best_under is not None or args.at_least is not None
    making = bool(args.types or args.recipe)
    mixing = bool(args.output_type or args.embedding_type or args.tensor or args.pure)
    if alone:
        if len(alone) > 1 or args.file or making or searching or args.save_recipe:
            raise UsageError(f"--{alone[0].replace('_', '-')} stands alone", "")
        return
    if args.save_recipe is not None and (len(_names(args.types)) != 1 or args.recipe):
        raise UsageError("--save-recipe takes exactly one of --types", "")
    if mixing and not args.types:
        raise UsageError("what is mixed in needs --types", "")
    if args.file is None:
        if args.save_recipe is not None:
            return
        raise UsageError("FILE is needed", "")
    if searching:
        if making or args.compare or args.chunks or args.dry_run or args.save_recipe:
            reason = "--best-under and --at-least go without types, --compare, --chunks, --dry-run"
            raise UsageError(reason, "")
    elif not making:
        raise UsageError("--types, --recipe, --best-under or --at-least is needed", "")


def _names(text: str | None) -> list[str]:
    return [name.strip().upper() for name in (text or "").split(",") if name.strip()]


# --- what is asked for ----------------------------------------------------------------------------


def _shared(args: argparse.Namespace, client: Client) -> Json:
    """What a job that makes files and one that searches have in common."""
    params: Json = {**_source(args, client), "requantize": args.requantize}
    params["replace"] = args.replace
    if args.output is not None:
        params["folder"] = str(Path(args.output).expanduser().absolute())
    elif "path" in params:
        params["folder"] = str(Path(params["path"]).parent)
    else:
        params["folder"] = str(Path.cwd())
    for option, text in _TEXTS.items():
        given = getattr(args, option)
        if given is not None:
            ours = given == OURS
            params[option] = str(_ours(text) if ours else Path(given).expanduser().absolute())
    if args.name is not None:
        params["name"] = args.name
    if args.budget is not None:
        params["budget_seconds"] = args.budget * 60
    return params


def _ours(text: str) -> Path:
    from desktop.core.paths import resources

    return resources() / "texts" / text


def _source(args: argparse.Namespace, client: Client) -> Json:
    """A checkpoint where it is a folder, or a name on the hub that no model here has."""
    from desktop.cli.files import model_file
    from desktop.core.errors import AppError, ErrorCode
    from desktop.core.hub.names import parse_name

    path = Path(args.file).expanduser()
    how = {"type": args.convert_type, "allow_pickle": args.allow_pickle}
    if path.is_dir():
        return {"checkpoint": {"path": str(path.absolute()), **how}}
    try:
        return {"path": str(model_file(args.file, client))}
    except AppError as error:
        named = error.code is ErrorCode.MODEL_NOT_FOUND and "/" in args.file
        if not named or parse_name(args.file) is None:
            raise
    return {"checkpoint": {"repo": args.file, **how}}


def _asked(args: argparse.Namespace, client: Client) -> Json:
    """The parameters of a job "quantize"."""
    params = _shared(args, client)
    names, mixed = _names(args.types), _mixed(args)
    recipes = [{"quant_type": name, **mixed} for name in names] if mixed else []
    if args.save_recipe is not None:  # made under the name that it has from now on
        names, recipes = [], [{"quant_type": names[0], **mixed, "name": args.save_recipe}]
    if args.recipe:
        from desktop.cli import quant_recipes

        wanted = [name.strip() for name in args.recipe.split(",") if name.strip()]
        recipes += quant_recipes.named(client, wanted)
    if names and not mixed:
        params["types"] = names
    if recipes:
        params["recipes"] = recipes
    if args.compare:
        params["compare"] = [str(Path(each).expanduser().absolute()) for each in args.compare]
    comparing = args.compare or args.budget is not None or args.csv or args.markdown
    if comparing and "evaluate" not in params:
        params["evaluate"] = str(_ours(_TEXTS["evaluate"]))
    if args.chunks is not None:
        params["chunks"] = args.chunks
    return params


def _mixed(args: argparse.Namespace) -> Json:
    """What all recipes have in common besides their types; empty where they are plain."""
    mixed: Json = {}
    if args.output_type:
        mixed["output_type"] = args.output_type
    if args.embedding_type:
        mixed["embedding_type"] = args.embedding_type
    if args.pure:
        mixed["pure"] = True
    pairs = []
    for text in args.tensor:
        pattern, found, name = text.rpartition("=")
        if not found or not pattern or not name:
            from desktop.core.errors import AppError, ErrorCode

            reason = "It is written as PATTERN=TYPE, such as attn_v=q6_k."
            raise AppError(ErrorCode.SETTING_INVALID, name="--tensor", value=text, reason=reason)
        pairs.append([pattern, name])
    if pairs:
        mixed["tensor_types"] = pairs
    return mixed


# --- doing it -------------------------------------------------------------------------------------


def _make(args: argparse.Namespace, client: Client, out: Output) -> int:
    from desktop.cli import quant_words
    from desktop.cli.following import job

    params = _asked(args, client)
    if args.dry_run:
        plan = client.quant_plan(params)
        out.result(plan, lambda: quant_words.show_plan(plan, out))
        return 0
    places = _places(args)
    result = job(client, "quantize", params, out)["result"]
    _save(result, places, out)
    out.result(result, lambda: quant_words.show(result, out))
    return 0


def _search(args: argparse.Namespace, client: Client, out: Output) -> int:
    from desktop.cli import quant_words
    from desktop.cli.following import job

    params, places = _shared(args, client), _places(args)
    if "checkpoint" in params:
        from desktop.core.errors import AppError, ErrorCode

        reason = "Convert the checkpoint first, with `paddock convert`."
        raise AppError(ErrorCode.BAD_REQUEST, reason=reason)
    if args.best_under is not None:
        params["most_bytes"] = args.best_under
        out.note(quant_words.both_units(args.best_under))
    else:
        params["least_tokens_per_second"] = args.at_least
    result = job(client, "target", params, out)["result"]
    _save(result, places, out)
    out.result(result, lambda: quant_words.show(result, out))
    return 0


def _places(args: argparse.Namespace) -> dict[str, Path]:
    """The files that the table goes to, by its form; where they cannot go is told before."""
    given = {"csv": args.csv, "markdown": args.markdown}
    places = {form: Path(text).expanduser().absolute() for form, text in given.items() if text}
    for path in places.values():
        if not path.parent.is_dir():
            from desktop.core.errors import AppError, ErrorCode

            raise AppError(ErrorCode.PATH_NOT_FOUND, path=str(path.parent))
    return places


def _save(result: Json, places: dict[str, Path], out: Output) -> None:
    from desktop.core.errors import AppError, ErrorCode
    from desktop.core.files import write_atomic
    from desktop.core.quant_table import to_csv, to_markdown

    for form, path in places.items():
        text = to_csv(result) if form == "csv" else to_markdown(result)
        try:
            write_atomic(path, text.encode())
        except OSError as error:
            reason = error.strerror or str(error)
            raise AppError(ErrorCode.PATH_UNREADABLE, path=str(path), reason=reason) from error
        out.note(f"The table is in {path}.")
