"""The question-and-answer data, and cheap rewordings of its questions.

A stored question teaches one wording. So that the model answers wordings it never saw, training
also shows it rewordings made by rule: templates around a topic's name, synonyms, another case, a
missing particle, a polite prefix. No held-out question is ever produced: `Augmenter` drops such a
result.
"""

from __future__ import annotations

import json
import random
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

TEMPLATES = {
    "en": (
        "What is {t}?",
        "What does {t} mean?",
        "What's {t}?",
        "Explain {t}.",
        "Explain {t} to me.",
        "Tell me about {t}.",
        "Tell me more about {t}.",
        "Describe {t}.",
        "Define {t}.",
        "{t}",
        "{t}?",
        "{t}, please",
        "About {t}",
        "What is meant by {t}?",
        "What is the meaning of {t}?",
        "meaning of {t}",
        "How does {t} work?",
        "How do I use {t}?",
        "Why {t}?",
        "Why would I use {t}?",
        "Why is {t} important?",
        "When do I need {t}?",
        "Do I need {t}?",
        "Should I use {t}?",
        "Is {t} good?",
        "Is {t} useful?",
        "What is {t} good for?",
        "What is {t} for?",
        "What is the purpose of {t}?",
        "What does {t} do?",
        "What happens with {t}?",
        "I do not understand {t}.",
        "I want to know about {t}.",
        "I read about {t}, what is it?",
        "help with {t}",
        "Give me a short explanation of {t}.",
        "In short, what is {t}?",
        "Can you say something about {t}?",
        "Does {t} matter?",
        "Can I use {t}?",
        "How do I choose {t}?",
        "How much does {t} matter?",
    ),
    "ja": (
        "{t} とは何ですか？",
        "{t} とは？",
        "{t} って何ですか？",
        "{t} って何？",
        "{t}",
        "{t}？",
        "{t} は何ですか？",
        "{t} を説明してください。",
        "{t} について説明してください。",
        "{t} について教えてください。",
        "{t} を教えて",
        "{t} の意味",
        "{t} の意味は何ですか？",
        "{t} とはどういう意味ですか？",
        "{t} の仕組み",
        "{t} の仕組みを教えてください。",
        "{t} は何のためのものですか？",
        "{t} の使い方",
        "{t} の使い方を教えてください。",
        "{t} は何に使いますか？",
        "{t} は何の役に立ちますか？",
        "{t} は必要ですか？",
        "{t} が必要なのはなぜですか？",
        "{t} が分かりません。",
        "{t} が大事なのはなぜですか？",
        "{t} の特徴は何ですか？",
        "{t} の目的は何ですか？",
        "{t} はいつ使いますか？",
        "{t} はよいですか？",
        "{t} はどうですか？",
        "{t} を使うべきですか？",
        "{t} を使うとどうなりますか？",
        "{t} はどう選びますか？",
        "{t} を簡単に説明してください。",
        "{t} について知りたいです。",
        "{t} の説明をお願いします。",
        "{t} はどんなものですか？",
        "{t} はどう働きますか？",
    ),
}

# (pattern, replacements): each applies with a fixed probability, so that one question yields many.
SYNONYMS = {
    "en": (
        (
            r"^How do I ",
            (
                "How can I ",
                "How to ",
                "How would I ",
                "I want to ",
                "I would like to ",
                "What do I do to ",
                "Is there a way to ",
                "Is there a command to ",
                "What is the way to ",
                "What should I do to ",
                "Can I ",
            ),
        ),
        (
            r"^How can I ",
            ("How do I ", "How to ", "I want to ", "I would like to ", "Is there a way to "),
        ),
        (r"^What is the ", ("What's the ", "Tell me the ", "Which is the ", "Give me the ")),
        (r"^What is ", ("What's ", "Whats ", "what exactly is ", "Explain ", "Tell me about ")),
        (r"^What are ", ("Explain ", "Tell me about ", "What exactly are ", "Describe ")),
        (r"^Explain ", ("Please explain ", "Describe ", "Could you explain ", "What is ")),
        (r"^Tell me about ", ("What is ", "Say something about ", "I want to hear about ")),
        (r"^Which ", ("What ", "Which kind of ", "Tell me which ")),
        (
            r"^Where (are|is|do|can) ",
            (r"In which place \1 ", r"Tell me where \1 ", r"On disk, where \1 "),
        ),
        (
            r"^Can I ",
            (
                "Could I ",
                "May I ",
                "Is it possible to ",
                "Am I able to ",
                "How do I ",
                "I want to ",
            ),
        ),
        (r"^Can you ", ("Could you ", "Please ", "Are you able to ", "")),
        (
            r"^Does Paddock ",
            ("Can Paddock ", "Will Paddock ", "Does the app ", "Does it ", "Will it "),
        ),
        (r"^Is Paddock ", ("Is this app ", "Is this program ", "Is it ")),
        (r"^Why does ", ("Why would ", "How come ", "What is the reason ")),
        (r"^Why is ", ("What makes ", "How come ", "What is the reason that ")),
        (r"^Why ", ("For what reason ", "How come ")),
        (r"\bShould I use ", ("Should I take ", "Is it worth using ", "Should I choose ")),
        (r"\bWhen should I use ", ("When do I use ", "When do I take ", "Should I use ")),
        (r"\bhow (large|big)\b", ("how big", "how large")),
        (r"\bmy (machine|computer)\b", ("my PC", "my computer", "my laptop", "this machine")),
        (r"\b(machine|computer)\b", ("PC", "computer", "laptop", "system")),
        (r"\bdownload\b", ("get", "fetch", "download")),
        (r"\bfast\b", ("quick", "speedy")),
        (r"\bfaster\b", ("quicker", "speed up")),
        (r"\bslow\b", ("sluggish", "so slow", "not fast")),
        (r"\bstart\b", ("launch", "turn on", "begin", "run", "switch on")),
        (r"\bstop\b", ("end", "quit", "turn off", "switch off")),
        (r"\bdelete\b", ("remove", "erase", "get rid of")),
        (r"\bsee\b", ("show", "list", "view", "look at")),
        (r"\blist\b", ("show", "see", "view")),
        (r"\bfind\b", ("discover", "look for", "search")),
        (r"\bfind problems\b", ("diagnose problems", "find out what is wrong")),
        (r"\bshow\b", ("see", "list", "display")),
        (r"\bcheck\b", ("test", "verify", "make sure of", "find out about")),
        (r"\bchange\b", ("set", "switch", "choose")),
        (r"\bcreate\b", ("make", "get", "generate")),
        (r"\bmake\b", ("create", "produce", "build")),
        (r"\bGPU\b", ("graphics card", "video card", "GPU")),
        (r"\bgraphics card\b", ("GPU", "video card")),
        (r"\bapp\b", ("program", "application", "software")),
        (r"\bmeasure\b", ("test", "determine")),
        (r"\breduce\b", ("lower", "shrink", "cut")),
        (r"\bworks?\b", ("function", "run")),
        (r"\bneed\b", ("require", "want")),
        (r"\banswers?\b", ("reply", "response", "output")),
        (r"\bgood\b", ("okay", "useful", "sensible", "fine")),
        (r"\bmemory\b", ("RAM", "space", "memory")),
        (r"\bmodel\b", ("LLM", "language model", "model")),
        (r"\bWrite\b", ("Compose", "Please write", "Make")),
        (r"\bserver\b", ("API", "API server", "service")),
    ),
    "ja": (
        (
            r"とは何ですか？$",
            (
                "とは？",
                "って何ですか？",
                "って何？",
                "とは何でしょうか？",
                "は何ですか？",
                "について教えてください。",
                "とは",
                "を説明してください。",
                "とは何のことですか？",
                "の意味を教えてください。",
                "とはどういう意味ですか？",
            ),
        ),
        (
            r"を説明してください。$",
            (
                "について説明して",
                "の説明をお願いします。",
                "とは何ですか？",
                "って何？",
                "を教えて",
            ),
        ),
        (
            r"について教えてください。$",
            ("を教えてください。", "について知りたいです。", "とは何ですか？"),
        ),
        (r"を教えてください。$", ("を知りたいです。", "は何ですか？", "を教えて", "は？")),
        (
            r"にはどうしますか？$",
            (
                "にはどうすればいいですか？",
                "方法は？",
                "方法を教えてください。",
                "方法はありますか？",
                "方法",
                "には？",
                "にはどうしたらいいですか？",
                "コマンドはありますか？",
                "手順を教えてください。",
                "ことはできますか？",
            ),
        ),
        (r"するにはどうしますか？$", ("したいです。", "できますか？", "する方法は？", "したい")),
        (
            r"はどう(\w+)ますか？$",
            (r"の方法を教えてください。", r"はどうやって\1ますか？", "の仕方は？"),
        ),
        (
            r"は何をしますか？$",
            ("とは何ですか？", "の使い方は？", "は何のコマンドですか？", "の役割は？"),
        ),
        (
            r"できますか？$",
            (
                "できますでしょうか？",
                "することは可能ですか？",
                "できる？",
                "したいです。",
                "可能ですか？",
            ),
        ),
        (
            r"使えますか？$",
            ("使うことはできますか？", "使える？", "使いたいです。", "動きますか？"),
        ),
        (r"動きますか？$", ("動く？", "使えますか？", "動かせますか？", "動くでしょうか？")),
        (
            r"のはなぜですか？$",
            ("のはどうしてですか？", "理由は何ですか？", "のはなぜ？", "理由を教えて"),
        ),
        (r"なぜ", ("どうして", "何で")),
        (r"どれくらい", ("どのくらい", "どの程度", "どれほど")),
        (
            r"どれですか？$",
            ("何ですか？", "どれでしょうか？", "どれがいいですか？", "教えてください。"),
        ),
        (r"どこ", ("どの場所", "どこ")),
        (r"必要ですか？$", ("要りますか？", "なくてもいいですか？", "いりますか？")),
        (r"ありますか？$", ("ある？", "あるのでしょうか？", "存在しますか？")),
        (r"ください。$", ("くれますか？", "ほしいです。", "もらえますか？", "")),
        (r"ですか？$", ("でしょうか？", "なの？", "でしょう？", "？", "か教えてください。")),
        (r"パソコン", ("PC", "コンピューター", "マシン", "機械", "ノートパソコン")),
        (r"GPU", ("グラフィックカード", "グラボ", "GPU")),
        (r"グラフィックカード", ("GPU", "グラボ")),
        (r"ダウンロード", ("取得", "入手", "ダウンロード")),
        (r"メモリ", ("RAM", "メモリー", "メモリ")),
        (r"違い", ("差", "違うところ")),
        (r"解放", ("アンロード", "開放", "終了")),
        (r"読み込む", ("ロードする", "載せる", "起動する")),
        (r"起動する", ("始める", "立ち上げる", "動かす", "オンにする")),
        (r"止める", ("停止する", "終了する", "オフにする", "切る")),
        (r"変える", ("変更する", "切り替える", "設定する")),
        (r"作る", ("作成する", "生成する", "作れる")),
        (r"削除", ("消去", "除去")),
        (r"確認", ("チェック", "表示", "確かめ")),
        (r"表示する", ("見る", "出す", "一覧にする")),
        (r"一覧", ("リスト", "一覧表")),
        (r"速さ", ("速度", "スピード")),
        (r"速く", ("高速に", "早く")),
        (r"遅い", ("時間がかかる", "重い")),
        (r"大きさ", ("サイズ", "容量")),
        (r"アプリ", ("ソフト", "プログラム")),
        (r"答え", ("返事", "回答", "応答")),
        (r"方法", ("やり方", "手順")),
        (r"書いて", ("作って", "書いて")),
        (r"質問", ("聞くこと", "相談")),
        (r"モデル", ("LLM", "言語モデル", "モデル")),
        (r"いくつ", ("どれくらい", "いくら", "何")),
        (r"サーバー", ("API", "サーバ")),
    ),
}

PREFIXES = {
    "en": (
        "Please tell me: ",
        "Hi, ",
        "Hello. ",
        "Hey, ",
        "Quick question: ",
        "So ",
        "And ",
        "Excuse me, ",
        "I wonder, ",
        "Could you tell me, ",
        "Sorry, ",
        "One question: ",
        "OK, ",
    ),
    "ja": (
        "すみません、",
        "質問です。",
        "ところで、",
        "あの、",
        "では、",
        "ちょっと聞きたいのですが、",
        "教えてください。",
        "こんにちは。",
        "えっと、",
    ),
}


@dataclass(frozen=True)
class Pair:
    """One answer with its stored (trained) and held-out (never trained) questions."""

    id: str
    lang: str
    answer: str
    questions: tuple[str, ...]
    held_out: tuple[str, ...]
    terms: tuple[str, ...]


def load_pairs(paths: Iterable[Path]) -> list[Pair]:
    """Read pairs from JSON-lines files, one pair a line."""
    pairs = []
    for path in paths:
        for line in path.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            pairs.append(
                Pair(
                    id=row["id"],
                    lang=row["lang"],
                    answer=row["answer"],
                    questions=tuple(row["questions"]),
                    held_out=tuple(row["held_out"]),
                    terms=tuple(row["terms"]),
                )
            )
    return pairs


def normalized(text: str) -> str:
    """Text without case, spaces and punctuation: what makes two questions the same wording."""
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", text).casefold())


class Augmenter:
    """Makes rewordings of a pair's questions, never one that equals a held-out question."""

    def __init__(self, pairs: Iterable[Pair], rng: random.Random) -> None:
        self._rng = rng
        self._forbidden = {normalized(q) for pair in pairs for q in pair.held_out}

    def reworded(self, pair: Pair) -> str:
        """A random rewording of a stored question, or a template filled with the pair's name."""
        for _ in range(8):
            text = self._once(pair)
            if text and normalized(text) not in self._forbidden:
                return text
        return self._rng.choice(pair.questions)

    def _once(self, pair: Pair) -> str:
        rng = self._rng
        if pair.terms and rng.random() < 0.4:
            text = rng.choice(TEMPLATES[pair.lang]).format(t=rng.choice(pair.terms))
        else:
            text = rng.choice(pair.questions)
        for pattern, replacements in SYNONYMS[pair.lang]:
            if rng.random() < 0.35 and re.search(pattern, text):
                text = re.sub(pattern, rng.choice(replacements), text, count=1)
        if rng.random() < 0.2:
            text = self._shortened(text, pair.lang)
        if rng.random() < 0.12:
            text = rng.choice(PREFIXES[pair.lang]) + text
        if rng.random() < 0.3:
            text = text.rstrip("?.。？")
        if rng.random() < 0.15:
            text = text.lower()
        if pair.lang == "ja" and rng.random() < 0.3:
            text = text.replace(" ", "").replace("？", "?")
        return text.strip()

    def _shortened(self, text: str, lang: str) -> str:
        """The text without one small word: names and figures stay, since they decide the answer."""
        if lang == "ja":
            spots = [i for i, char in enumerate(text) if i and char in "はをがにのでも"]
            if not spots:
                return text
            spot = self._rng.choice(spots)
            return text[:spot] + text[spot + 1 :]
        words = text.split(" ")
        spots = [i for i, word in enumerate(words) if word.isalpha() and word.islower()]
        if len(words) < 4 or not spots:
            return text
        del words[self._rng.choice(spots)]
        return " ".join(words)
