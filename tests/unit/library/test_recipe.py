"""From Modelfiles to settings and back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from desktop.core.gguf.summary import ModelSummary
from desktop.core.library.cards import Card
from desktop.core.library.entry import ModelEntry
from desktop.core.library.given import Given
from desktop.core.library.modelfile import format_modelfile, parse
from desktop.core.library.recipe import Recipe, inherited, recipe_of, written


def entry(card: Card | None = None, given: Given | None = None, **more: Any) -> ModelEntry:
    return ModelEntry(
        id="base",
        path=Path("/models/base.gguf"),
        shard_paths=(Path("/models/base.gguf"),),
        size_bytes=1,
        fingerprint="quick-1",
        summary=ModelSummary(),
        error=None,
        kind="model",
        source="folder",
        root=Path("/models"),
        card=card or Card(),
        given=given or Given(),
        **more,
    )


def again(made: ModelEntry, saved: dict[str, Any] | None = None) -> Recipe:
    """The recipe of what is written of a model."""
    return recipe_of(parse(format_modelfile(written(made, saved or {}).commands)))


def test_of_what_can_stand_once_the_last_counts_and_the_rest_adds_up() -> None:
    recipe = recipe_of(
        parse(
            "FROM a\nFROM eyes.gguf\nSYSTEM one\nSYSTEM two\nTEMPLATE x\nTEMPLATE y\n"
            "PARAMETER temperature 1\nPARAMETER Temperature 0.5\n"
            "PARAMETER stop a\nPARAMETER stop b\nPARAMETER num_ctx 128\nPARAMETER mirostat 9\n"
            "LICENSE MIT\nLICENSE BSD\nADAPTER l.gguf\nDRAFT d.gguf\n"
            "RENDERER r\nPARSER p\nREQUIRES 0.14.0\n"
        )
    )
    assert recipe.sources == ("a", "eyes.gguf") and recipe.adapters == ("l.gguf",)
    assert recipe.draft == "d.gguf" and recipe.given.template == "y"
    assert recipe.given.card.system == "two" and recipe.given.card.license == "MIT\n\nBSD"
    assert recipe.given.card.sampling == {"temperature": 0.5, "stop": ["a", "b"]}
    assert recipe.given.defaults == {"context_tokens": 128}
    left = [each.name for each in recipe.given.left_out]
    assert left == ["mirostat", "RENDERER", "PARSER", "REQUIRES"]


def test_a_variant_takes_over_what_its_model_says() -> None:
    base = entry(
        Card(system="Be kind.", sampling={"seed": 1, "top_k": 5}, notes="mine", tags=("x",)),
        Given(defaults={"context_tokens": 64, "gpu_layers": 1}, template="T"),
    )
    own = Given(names=("n",), card=Card(sampling={"top_k": 7}), defaults={"context_tokens": 128})
    made = inherited(own, base)
    assert made.card == Card(system="Be kind.", sampling={"seed": 1, "top_k": 7})
    assert made.defaults == {"context_tokens": 128, "gpu_layers": 1} and made.template == "T"


def test_what_no_modelfile_can_say_is_named() -> None:
    card = Card(
        template="{{ jinja }}",
        license='a"""\nb',
        adapters=({"path": "/l.gguf", "scale": 0.5},),
    )
    saved = {"kv_type": "q8_0", "slots": 2, "draft": "small:q8_0", "mmproj": "none"}
    made = written(replace(entry(card), mmproj=Path("/eyes.gguf")), saved)
    assert [(each.word, each.value) for each in made.commands] == [
        ("from", "/models/base.gguf"),
        ("adapter", "/l.gguf"),
    ]
    names = sorted(each.name for each in made.left_out)
    assert names == ["LICENSE", "adapter scale", "draft", "kv_type", "slots", "template"]


def test_saved_settings_count_over_those_that_came_along() -> None:
    made = entry(given=Given(defaults={"context_tokens": 64, "gpu_layers": 3}))
    assert again(made, {"context_tokens": 256}).given.defaults == {
        "context_tokens": 256,
        "gpu_layers": 3,
    }


_TEXTS = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=40)
_CARDS = st.builds(
    Card,
    system=_TEXTS,
    sampling=st.fixed_dictionaries(
        {},
        optional={
            "temperature": st.floats(0, 5),
            "top_k": st.integers(0, 100_000),
            "min_p": st.floats(0, 1),
            "repeat_last_n": st.integers(-1, 1_000_000),
            "seed": st.integers(-1, 2**32 - 1),
            "max_tokens": st.integers(1, 1_000_000),
            "stop": st.lists(_TEXTS, min_size=1, max_size=4),
        },
    ),
    license=_TEXTS,
    messages=st.lists(
        st.fixed_dictionaries({"role": st.sampled_from(["user", "assistant"]), "content": _TEXTS}),
        max_size=3,
    ).map(tuple),
)


@given(_CARDS, st.integers(64, 16_777_216), _TEXTS)
def test_a_model_written_and_read_again_says_the_same(
    card: Card, context: int, template: str
) -> None:
    made = entry(card, Given(defaults={"context_tokens": context}, template=template))
    recipe = again(made)
    assert recipe.given.card == card and recipe.given.template == template
    assert recipe.given.defaults == {"context_tokens": context} and not recipe.given.left_out
    assert recipe.sources == ("/models/base.gguf",)
