"""The words of the page for people, in each language it speaks."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Words:
    """Texts without markup; `{…}` is filled in."""

    language: str
    what: str
    ready: str
    loading: str
    stopping: str
    base_url: str
    key: str
    key_needed: str
    key_not_needed: str
    models: str
    models_hidden: str
    no_models: str
    more_models: str
    model: str
    state: str
    context: str
    tokens: str
    states: dict[str, str]
    use: str
    use_with: str
    learn: str
    document: str
    your_key: str


ENGLISH = Words(
    language="en",
    what="This is a Paddock server. It runs language models on this machine and speaks the APIs of "
    "OpenAI, Anthropic and Ollama, so that programs made for them can use these models.",
    ready="Ready",
    loading="A model is being loaded",
    stopping="Stopping",
    base_url="Address",
    key="Key",
    key_needed="Needed. Whoever runs this server makes one with “paddock keys create NAME”.",
    key_not_needed="Not needed here; send any text where a program insists on one.",
    models="Models",
    models_hidden="They are listed for those with a key, at {path}.",
    no_models="There are none yet.",
    more_models="and {count} more at {path}",
    model="Model",
    state="State",
    context="Context",
    tokens="{count} tokens",
    states={
        "ready": "loaded",
        "loading": "loading",
        "stopping": "leaving",
        "not_loaded": "loaded when asked for",
    },
    use="Use it",
    use_with="With {tool}",
    learn="For programs",
    document="All routes, as an OpenAPI document",
    your_key="YOUR_KEY",
)

JAPANESE = Words(
    language="ja",
    what="これは Paddock のサーバーです。このマシンで言語モデルを動かします。OpenAI、Anthropic、"
    "Ollama の API に対応しているため、それら向けのプログラムからここのモデルを利用できます。",
    ready="利用できます",
    loading="モデルを読み込んでいます",
    stopping="終了しています",
    base_url="アドレス",
    key="キー",
    key_needed="必要です。サーバーの管理者が「paddock keys create 名前」で作成します。",
    key_not_needed="ここでは不要です。必須のプログラムには任意の文字列を指定してください。",
    models="モデル",
    models_hidden="キーを持つ人には {path} で一覧が表示されます。",
    no_models="まだありません。",
    more_models="ほかに {count} 個({path})",
    model="モデル",
    state="状態",
    context="コンテキスト",
    tokens="{count} トークン",
    states={
        "ready": "読み込み済み",
        "loading": "読み込み中",
        "stopping": "解放中",
        "not_loaded": "要求時に読み込み",
    },
    use="使い方",
    use_with="{tool} から",
    learn="プログラム向け",
    document="すべてのルート(OpenAPI 文書)",
    your_key="あなたのキー",
)

BY_LANGUAGE = {words.language: words for words in (ENGLISH, JAPANESE)}


def words_for(accept_language: str) -> Words:
    """In the language a browser's `Accept-Language` likes best of those there are (RFC 9110,
    12.5.4); English where it likes none."""
    best, best_weight = ENGLISH, 0.0
    for each in accept_language.split(",")[:20]:
        tag, _, parameter = each.partition(";")
        words = BY_LANGUAGE.get(tag.strip().lower().partition("-")[0])
        weight = _weight(parameter)
        if words is not None and weight > best_weight:
            best, best_weight = words, weight
    return best


def _weight(parameter: str) -> float:
    name, _, value = parameter.strip().partition("=")
    if name.strip().lower() != "q":
        return 1.0
    try:
        return min(1.0, max(0.0, float(value)))
    except ValueError:
        return 0.0
