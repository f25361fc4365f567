"""`paddock keys`: who may use the public face from elsewhere, and how much of it."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from typing import Any

from desktop.cli.output import Output
from desktop.cli.parser import Commands, Parser, UsageError, whole

Json = dict[str, Any]

_MOST = 10**12
# What `keys change` takes a limit away with.
_NONE = "none"


def register(commands: Commands) -> None:
    group = commands.group("keys", "keys for programs on other machines, and their limits")
    parser = group.add("create", create, "make a key; it is shown this once")
    parser.add_argument("name", metavar="NAME")
    _add_policy(parser, whole(1, _MOST))
    group.add("list", list_keys, "list the keys")
    parser = group.add(
        "change",
        change,
        "change what a key may do",
        f"Change what a key may do; what is not named stays. “{_NONE}” takes a limit away.",
    )
    parser.add_argument("name", metavar="NAME")
    _add_policy(parser, _or_none(whole(1, _MOST)))
    parser = group.add("revoke", revoke, "make a key worthless")
    parser.add_argument("name", metavar="NAME")


def _add_policy(parser: Parser, limit: Callable[[str], Any]) -> None:
    parser.add_argument(
        "--models", metavar="A,B", help="only these models: ids, aliases, or patterns such as qwen*"
    )
    parser.add_argument(
        "--routes",
        metavar="R,…",
        help="only these routes: chat, completions, responses, embeddings, rerank, audio, tokens, "
        "models, metrics, all; manage lets it change the library",
    )
    for option, what in (
        ("--rpm", "requests a minute"),
        ("--tokens-per-minute", "tokens a minute"),
        ("--tokens-per-day", "tokens a calendar day"),
        ("--concurrent", "requests at the same time"),
    ):
        parser.add_argument(option, type=limit, metavar="N", help=f"at most N {what}")
    parser.add_argument(
        "--expires", metavar="WHEN", help="when it ends: 30d, 12h, or its last day as 2027-01-31"
    )
    switch = argparse.BooleanOptionalAction
    parser.add_argument(
        "--private-cache",
        action=switch,
        default=None,
        help="keep what it sends out of the prompt cache, which all keys share",
    )
    parser.add_argument(
        "--overflow",
        choices=("error", "drop_oldest"),
        help="a conversation longer than the context: an error, or its oldest turns are left out",
    )
    parser.add_argument(
        "--exact-cache",
        action=switch,
        default=None,
        help="exact repeats at temperature 0 may be answered from a table",
    )
    parser.add_argument(
        "--budget",
        metavar="N[tokens]/PERIOD",
        help="what its requests may cost by your prices, as 5/month, or use, as 200000tokens/day; "
        "periods are day, month and total",
    )
    parser.add_argument(
        "--budget-warn",
        type=whole(1, 100),
        metavar="PERCENT",
        help="warn when this much of the budget is used (80)",
    )
    parser.add_argument(
        "--budget-warn-only",
        action="store_true",
        help="requests are answered although the budget is used up",
    )


def _or_none(kind: Callable[[str], int]) -> Callable[[str], Any]:
    return lambda text: _NONE if text == _NONE else kind(text)


def _budget(args: argparse.Namespace) -> Json | None:
    """The budget that was named, as the service takes it; None: nothing was said of one.

    Raises:
        UsageError: it is none, or something was said of a budget that was not named.
    """
    if args.budget is None:
        if args.budget_warn is not None or args.budget_warn_only:
            raise UsageError("--budget-warn and --budget-warn-only belong to --budget", "")
        return None
    form = r"([0-9]{1,12}(?:\.[0-9]{1,6})?)(tokens)?(?:/(day|month|total))?"
    found = re.fullmatch(form, args.budget.replace(" ", "").lower())
    if found is None or not float(found[1]):
        raise UsageError(
            f"--budget: “{args.budget}” is not of the form 5/month or 200000tokens/day", ""
        )
    budget: Json = {"amount": float(found[1]), "unit": "tokens" if found[2] else "cost"}
    budget["period"] = found[3] or "month"
    if args.budget_warn is not None:
        budget["warn_percent"] = args.budget_warn
    return {**budget, "stop": not args.budget_warn_only}


def _policy(args: argparse.Namespace) -> Json:
    """The fields that were named, as the service takes them; None takes one away.

    Raises:
        UsageError: a time that is none.
    """
    from desktop.core.service.key_policy import expiry_of

    given = {
        "models": args.models,
        "routes": args.routes,
        "requests_per_minute": args.rpm,
        "tokens_per_minute": args.tokens_per_minute,
        "tokens_per_day": args.tokens_per_day,
        "concurrent": args.concurrent,
        "expires": args.expires,
        "private_cache": args.private_cache,
        "overflow": args.overflow,
        "exact_cache": args.exact_cache,
        "budget": _NONE if args.budget == _NONE else _budget(args),
    }
    policy: Json = {}
    for name, value in given.items():
        if value is None:
            continue
        if value in (_NONE, ""):
            policy[name] = None
        elif name in ("models", "routes"):
            policy[name] = [part.strip() for part in value.split(",") if part.strip()]
        elif name == "expires":
            try:
                policy[name] = expiry_of(value)
            except ValueError as error:
                raise UsageError(f"--expires: {error}", "") from error
        else:
            policy[name] = value
    return policy


def create(args: argparse.Namespace, out: Output) -> int:
    from desktop.cli import session

    policy = _policy(args)
    made = session.started(out).create_key(args.name, policy)

    def show() -> None:
        out.line(made["key"])
        for line in describe(made):
            out.note(line)
        out.note(
            "This key is not shown again: keep it now. Send it as `Authorization: Bearer …` or "
            "`x-api-key: …`."
        )

    out.result(made, show)
    return 0


def list_keys(args: argparse.Namespace, out: Output) -> int:
    from desktop.cli import session

    found = session.started(out).list_keys()

    def show() -> None:
        from desktop.cli.units import moment

        rows = [
            (
                key["name"],
                f"…{key['hint']}",
                moment(key["created"]),
                moment(key["last_used"]) or "never",
                "\n".join(describe(key)) or "no limits",
            )
            for key in found
        ]
        if rows:
            out.table(("NAME", "ENDS IN", "CREATED", "LAST USED", "LIMITS"), rows)
        else:
            out.line("There are no keys.")

    out.result({"keys": found}, show)
    return 0


def change(args: argparse.Namespace, out: Output) -> int:
    from desktop.cli import session

    changes = _policy(args)
    if not changes:
        raise UsageError("name what is to change, such as --rpm 60", "")
    key = session.started(out).change_key(args.name, changes)

    def show() -> None:
        out.line(f"The key “{key['name']}” now has these limits:")
        for line in describe(key) or ["none"]:
            out.line(f"  {line}")

    out.result(key, show)
    return 0


def revoke(args: argparse.Namespace, out: Output) -> int:
    from desktop.cli import session

    done = session.started(out).revoke_key(args.name)
    out.result(done, lambda: out.line(f"The key “{done['name']}” is revoked."))
    return 0


def describe(key: Json) -> list[str]:
    """What a key may do, a line for each limit, with what it has used of it."""
    from desktop.cli.units import moment, number

    policy, now = key["policy"], key.get("now") or {}
    lines = []
    if policy["expires"] is not None:
        lines.append(f"{'ended' if key['expired'] else 'ends'} {moment(policy['expires'])}")
    for name, what in (("models", "models"), ("routes", "routes")):
        if policy[name]:
            lines.append(f"{what}: {', '.join(policy[name])}")
    for name, what, used in (
        ("requests_per_minute", "requests a minute", "requests_last_minute"),
        ("tokens_per_minute", "tokens a minute", "tokens_last_minute"),
        ("tokens_per_day", "tokens a day", "tokens_today"),
        ("concurrent", "at the same time", "concurrent"),
    ):
        if policy[name] is not None:
            spent = f" ({number(now[used])} used)" if now.get(used) else ""
            lines.append(f"{number(policy[name])} {what}{spent}")
    if policy["private_cache"]:
        lines.append("private: nothing stays in the prompt cache")
    if policy["overflow"] == "drop_oldest":
        lines.append("too long conversations lose their oldest turns")
    if policy["exact_cache"]:
        lines.append("exact repeats come from a table")
    budget = policy.get("budget")
    if budget:
        period = {"day": " a day", "month": " a month"}.get(budget["period"], " in all")
        unit = "tokens" if budget.get("unit") == "tokens" else "in cost"
        stops = "" if budget["stop"] else ", warning only"
        lines.append(f"budget: {budget['amount']:,.12g} {unit}{period}{stops}")
    return lines
