"""Ask *Paddock Guide* every question through llama-server and count the right answers.

    python resources/demo/training/evaluate.py

Needs only the standard library and llama-server, which is looked for beside the installed
`llama_cpp` package. Exit status 1 when a figure is below its bound.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
MODEL = HERE.parent / "paddock-guide-q8_0.gguf"
START_TIMEOUT_SECONDS = 60.0
REQUEST_TIMEOUT_SECONDS = 60.0
# The longest stored answer has about 80 tokens.
MAX_ANSWER_TOKENS = 256


def installed_server() -> Path | None:
    """llama-server of the build that brought the installed `llama_cpp` package, if any."""
    spec = importlib.util.find_spec("llama_cpp")
    if spec is None or spec.origin is None:
        return None
    name = "llama-server.exe" if sys.platform == "win32" else "llama-server"
    path = Path(spec.origin).parent.parent / "bin" / name
    return path if path.exists() else None


def free_port() -> int:
    """A loopback port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running_server(server: Path, model: Path, threads: int) -> Iterator[str]:
    """Run llama-server on a loopback port of its own; yields its URL and ends this one process."""
    url = f"http://127.0.0.1:{(port := free_port())}"
    command = [str(server), "-m", str(model), "--host", "127.0.0.1", "--port", str(port)]
    command += ["-c", "2048", "-np", "1", "-t", str(threads), "--cache-ram", "0"]
    with tempfile.TemporaryFile() as log:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            deadline = time.monotonic() + START_TIMEOUT_SECONDS
            while not healthy(url):
                if child.poll() is not None or time.monotonic() > deadline:
                    log.seek(0)
                    tail = log.read()[-2000:].decode(errors="replace")
                    raise SystemExit(f"llama-server did not start:\n{tail}")
                time.sleep(0.05)
            yield url
        finally:
            child.terminate()
            try:
                child.wait(timeout=10)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


def healthy(url: str) -> bool:
    """Whether the server answers that its model is ready."""
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=2) as reply:
            return bool(reply.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def ask(url: str, question: str) -> str:
    """The model's answer to one question at temperature 0."""
    body = {
        "messages": [{"role": "user", "content": question}],
        "temperature": 0,
        "max_tokens": MAX_ANSWER_TOKENS,
    }
    request = urllib.request.Request(
        f"{url}/v1/chat/completions",
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=REQUEST_TIMEOUT_SECONDS) as reply:
        return str(json.load(reply)["choices"][0]["message"]["content"])


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure Paddock Guide through llama-server.")
    parser.add_argument("--model", type=Path, default=MODEL, help="GGUF file")
    parser.add_argument("--data", type=Path, default=HERE, help="folder of guide_*.jsonl")
    parser.add_argument("--server", type=Path, default=installed_server(), help="llama-server")
    parser.add_argument("--threads", type=int, default=2, help="CPU threads of the engine")
    parser.add_argument("--misses", action="store_true", help="print every wrong answer")
    parser.add_argument("--min-stored", type=float, default=0.9, help="lowest share accepted")
    parser.add_argument("--min-held-out", type=float, default=0.5, help="lowest share accepted")
    args = parser.parse_args()
    if args.server is None:
        parser.error(
            "no llama-server beside an installed llama_cpp package; name one with --server"
        )

    rows = [
        json.loads(line)
        for path in sorted(args.data.glob("guide_*.jsonl"))
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    if not rows:
        parser.error(f"no questions in {args.data}")
    print(
        f"Method: {args.model.name} in llama-server, /v1/chat/completions, temperature 0, one\n"
        f"question a request, no system message, 1 slot. {len(rows)} question-and-answer pairs.\n"
        "An answer is right when it equals the pair's stored answer word for word. Stored\n"
        "phrasings were trained; held-out phrasings never were, neither as such nor as a\n"
        "rewording made by rule."
    )
    right: dict[tuple[str, str], int] = {}
    asked: dict[tuple[str, str], int] = {}
    with running_server(args.server, args.model, args.threads) as url:
        for row in rows:
            for kind in ("questions", "held_out"):
                for question in row[kind]:
                    answer = ask(url, question)
                    key = (kind, row["lang"])
                    asked[key] = asked.get(key, 0) + 1
                    right[key] = right.get(key, 0) + (answer == row["answer"])
                    if args.misses and answer != row["answer"]:
                        print(f"miss {kind} {row['id']}: {question!r} -> {answer!r}")

    for (kind, lang), total in asked.items():
        print(f"{kind} {lang}: {right[kind, lang]} of {total}")
    shares = {}
    for kind, words in (("questions", "stored phrasings"), ("held_out", "held-out phrasings")):
        hits = sum(count for key, count in right.items() if key[0] == kind)
        total = sum(count for key, count in asked.items() if key[0] == kind)
        shares[kind] = hits / total
        print(f"{words} answered word for word: {hits} of {total} = {100 * hits / total:.1f} %")
    enough = shares["questions"] >= args.min_stored and shares["held_out"] >= args.min_held_out
    return 0 if enough else 1


if __name__ == "__main__":
    raise SystemExit(main())
