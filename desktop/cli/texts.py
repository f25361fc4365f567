"""The texts of the tour (`paddock` without a command), English and Japanese."""

from __future__ import annotations

import os
from collections.abc import Mapping

_ENGLISH = {
    "question": "What is Q4_K_M?",
    "what": "Paddock finds out what language models this machine can run, runs and measures them.\n"
    "Here it shows you in the terminal.",
    "no_window": "The window cannot be opened here: {reason}",
    "machine": "This machine: {hardware}",
    "loading": "Loading the bundled model, {model} ({size}) …",
    "kept": "{model} is loaded already.",
    "cores": "{count} cores",
    "ram": "{available} of {total} RAM available",
    "no_gpu": "no GPU",
    "comma": ", ",
    "loaded": "Loaded with {context} tokens of context (✓ {memory} in memory).",
    "asking": "Asking it: {question}",
    "figures": "✓ {rate} tok/s measured ({tokens} tokens, the first after {seconds} s).",
    "server": "The server is on at {url} and answers in OpenAI's format. Paste this:",
    "server_key": "It wants a key: make one with `paddock keys create NAME` and put it in place of "
    "YOUR_KEY.",
    "chat": "Now ask it something yourself. /exit or Ctrl-D leaves; "
    "Ctrl-C stops all that was started.",
    "stays": "The server stays on at {url} and loads {model} whenever it is asked for it. "
    "`paddock stop` ends it.",
    "stopped": "Nobody sits at this terminal: what was started has been stopped. "
    "`paddock serve` keeps the server on.",
    "next": "`paddock models` lists the models, `paddock adopt PATH` adds some, "
    "`paddock --help` shows the rest.",
}

_JAPANESE = {
    "question": "Q4_K_M とは何ですか？",
    "what": "Paddock は、このマシンでどの言語モデルが動くかを調べ、動かし、測定します。\n"
    "ここではターミナルでご案内します。",
    "no_window": "ここではウィンドウを開けません: {reason}",
    "machine": "このマシン: {hardware}",
    "loading": "同梱モデル {model}（{size}）を読み込んでいます…",
    "kept": "{model} はすでに読み込まれています。",
    "cores": "{count} コア",
    "ram": "RAM {total} のうち {available} が空き",
    "no_gpu": "GPU なし",
    "comma": "、",
    "loaded": "コンテキスト {context} トークンで読み込みました（✓ メモリ {memory}）。",
    "asking": "質問: {question}",
    "figures": "✓ 実測 {rate} tok/s（{tokens} トークン、最初のトークンまで {seconds} 秒）。",
    "server": "サーバーは {url} で動いています（OpenAI 互換）。次をそのまま貼り付けて試せます。",
    "server_key": "キーが必要です。`paddock keys create 名前` で作り、"
    "YOUR_KEY と置き換えてください。",
    "chat": "自由に質問してください。/exit か Ctrl-D で終わり、"
    "Ctrl-C で起動したものをすべて止めます。",
    "stays": "サーバーは {url} で動き続け、{model} は求められるたびに読み込まれます。"
    "`paddock stop` で終わります。",
    "stopped": "対話できるターミナルがないため、起動したものをすべて止めました。"
    "`paddock serve` でサーバーを動かし続けられます。",
    "next": "`paddock models` でモデルの一覧、`paddock adopt PATH` で追加、"
    "`paddock --help` でそのほかを表示します。",
}


def tour_texts(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The table for the locale: POSIX's order of LC_ALL, LC_MESSAGES, LANG."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if environ.get(name):
            return _JAPANESE if environ[name].lower().startswith("ja") else _ENGLISH
    return _ENGLISH
