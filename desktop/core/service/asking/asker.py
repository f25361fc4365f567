"""Makes of a client's request what the engine is asked, and says how its answer is to be changed.

Everything here holds for all APIs: they make OpenAI's shape of a request first.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace

from desktop.core.engine.server import EngineServer
from desktop.core.service import upstream
from desktop.core.service.api_errors import ApiError
from desktop.core.service.asking import adapters, completions, overflow, reasoning, tools
from desktop.core.service.asking.abilities import NOTHING_SAID, Abilities, AbilityBook
from desktop.core.service.asking.as_text import AsChat, as_text, form_of, has_form, only_text
from desktop.core.service.asking.fetch import Fetcher
from desktop.core.service.asking.logprobs import ChosenOnly, TextLogprobs
from desktop.core.service.asking.media import Media
from desktop.core.service.asking.rewrite import Renumbered, Rewriter, WithoutReasoning
from desktop.core.service.asking.values import Body, refused
from desktop.core.service.loaded import Loaded

log = logging.getLogger(__name__)

CHAT = "/v1/chat/completions"
TEXT = "/v1/completions"
_COUNT = f"{CHAT}/input_tokens"

# What OpenAI's clients send for OpenAI's own sake.
_IGNORED = frozenset(
    {
        *("user", "store", "metadata", "service_tier", "safety_identifier", "prompt_cache_key"),
        *("prompt_cache_retention", "verbosity", "prediction", "web_search_options", "modalities"),
    }
)
_OF_TEXT = frozenset({"best_of", "echo", "suffix", "logprobs"})


@dataclass(frozen=True)
class Asked:
    """What the engine is asked.

    Attributes:
        bodies: one request after the other, each for its prompt.
        rewriters: what the answer's events go through, in this order.
        answers: to each prompt.
        notices: what was decided otherwise than one would expect, a word each.
        infilled: the answer has the shape of `/infill`.
        chat: the client asked for a chat.
    """

    route: str
    bodies: tuple[Body, ...]
    rewriters: tuple[Rewriter, ...] = ()
    answers: int = 1
    notices: tuple[str, ...] = ()
    infilled: bool = False
    chat: bool = True

    @property
    def straight(self) -> bool:
        """Whether its answer is passed on as it comes, but for what `StreamFilter` takes out."""
        return not self.rewriters and not self.infilled


class Asker:
    """Args:
    may_fetch: whether pictures are fetched from the network; asked anew each time.
    """

    def __init__(
        self,
        *,
        may_fetch: Callable[[], bool] = lambda: True,
        fetcher: Fetcher | None = None,
    ) -> None:
        self.book = AbilityBook()
        self._media = Media(fetcher or Fetcher(), may_fetch)

    async def asked(self, loaded: Loaded, route: str, body: Body, known: dict[str, str]) -> Asked:
        """What the engine is asked for a request.

        Args:
            body: as `generation.prepared` makes it.
            known: pictures fetched for this request before; it is added to.

        Raises:
            ApiError: 400 for what the model cannot do.
        """
        body = {
            name: value
            for name, value in body.items()
            if value is not None and name not in _IGNORED
        }
        answers = body.get("n", 1)
        body = adapters.with_scales(body, loaded.adapters)
        if route == CHAT:
            return await self._chat(loaded, body, known, answers)
        if route == TEXT:
            return await self._text(loaded, body, answers)
        return Asked(route, (body,))

    async def abilities(self, loaded: Loaded) -> Abilities:
        """What a loaded model can do, as its engine says."""
        return NOTHING_SAID if loaded.server is None else await self.book.of(loaded.server)

    # --- chat ---------------------------------------------------------------------------------

    async def _chat(self, loaded: Loaded, body: Body, known: dict[str, str], answers: int) -> Asked:
        choice = tools.choice_of(body)
        abilities = NOTHING_SAID
        if choice.tools or _beyond_text(body):
            abilities = await self.abilities(loaded)
        body["messages"] = await self._media.inlined(body["messages"], abilities, known)
        notices: list[str] = []
        rewriters: list[Rewriter] = []
        if not choice.tools or choice.mode == "none":
            body = tools.without_tools(body)
        elif abilities.tools is not False or choice.must_call:
            if body.get("logprobs"):
                raise refused(
                    "logprobs", "“logprobs” cannot be combined with “tools” here.", "unsupported"
                )
            if not choice.must_call and has_form(body):
                # The form binds all of an answer, so that no call can be made.
                notices.append("response_format_over_tools")
            ask = tools.ask_with_schema if abilities.tools is False else tools.ask_with_template
            body, rewriters = ask(body, choice)
        else:
            body = tools.without_tools(body)
            notices.append("model_has_no_tools")
        body, hidden = reasoning.with_reasoning(body, abilities)
        if hidden:
            rewriters.append(WithoutReasoning())
        if body.get("logprobs") and not body.get("top_logprobs"):
            body["top_logprobs"] = 1
            rewriters.append(ChosenOnly())
        asked = Asked(CHAT, (body,), tuple(rewriters), answers, tuple(notices))
        if abilities.forms is False and has_form(body):
            texts = await self.as_text(loaded, asked)
            return texts or replace(asked, notices=(*notices, "response_format_not_enforced"))
        return asked

    # --- text ---------------------------------------------------------------------------------

    async def _text(self, loaded: Loaded, body: Body, answers: int) -> Asked:
        summary = loaded.entry.summary
        prompts = completions.prompts_of(body, summary.vocab_size if summary else None)
        rewriters: list[Rewriter] = []
        common = {name: value for name, value in body.items() if name not in _OF_TEXT}
        wanted = body.get("logprobs")
        if wanted is not None and wanted is not False:
            common["n_probs"] = max(1, int(wanted))
            rewriters.append(TextLogprobs(int(wanted)))
        if has_form(body):
            common["json_schema"] = form_of(common)
        common.pop("response_format", None)
        if len(prompts) > 1:
            rewriters.append(Renumbered(answers))
        if body.get("echo"):
            said = [await self._as_text(loaded, prompt) for prompt in prompts]
            rewriters.insert(0, completions.Echo(said))
        if body.get("suffix") is not None:
            filling = completions.infill({**common, "prompt": prompts[0], "suffix": body["suffix"]})
            return Asked(
                "/infill", (filling,), tuple(rewriters), answers, infilled=True, chat=False
            )
        if await self._wants_texts(loaded, prompts):
            prompts = [await self._as_text(loaded, prompt) for prompt in prompts]
        bodies = tuple({**common, "prompt": prompt} for prompt in prompts)
        return Asked(TEXT, bodies, tuple(rewriters), answers, chat=False)

    async def _wants_texts(self, loaded: Loaded, prompts: list[completions.Prompt]) -> bool:
        """An engine with a projector takes prompts as texts only."""
        if all(isinstance(prompt, str) for prompt in prompts):
            return False
        abilities = await self.abilities(loaded)
        return bool(abilities.vision or abilities.audio)

    async def _as_text(self, loaded: Loaded, prompt: completions.Prompt) -> str:
        if isinstance(prompt, str):
            return prompt
        assert loaded.server is not None
        asked = {"tokens": prompt}
        found = await upstream.ask(loaded.server, "/detokenize", asked)
        return str(found.get("content", ""))

    # --- overflow -----------------------------------------------------------------------------

    async def shortened(
        self, loaded: Loaded, asked: Asked, error: ApiError
    ) -> tuple[Asked, int] | None:
        """The same without the oldest turns, where the conversation then fits.

        Returns: it, and how many messages were dropped.
        """
        context, server = error.extra.get("n_ctx"), loaded.server
        if asked.route != CHAT or not isinstance(context, int) or server is None:
            return None

        async def count(body: Body) -> int:
            return await self._count(server, body)

        try:
            found = await overflow.shortened(asked.bodies[0], context, count)
        except ApiError as refused:  # what the client is told is that it was too long
            log.info("a conversation could not be counted", extra={"why": str(refused)})
            return None
        if found is None:
            return None
        body, dropped = found
        return replace(asked, bodies=(body,)), dropped

    async def _count(self, server: EngineServer, body: Body) -> int:
        """The tokens of a conversation, as the engine would read it."""
        try:
            found = await upstream.ask(server, _COUNT, body)
            return int(found["input_tokens"])
        except ApiError as error:
            if error.status != 404:
                raise
        # An engine that does not count by itself.
        rendered = await upstream.ask(server, "/apply-template", body)
        text = {"content": rendered["prompt"], "add_special": True, "parse_special": True}
        return len((await upstream.ask(server, "/tokenize", text))["tokens"])

    # --- forms --------------------------------------------------------------------------------

    async def as_text(self, loaded: Loaded, asked: Asked) -> Asked | None:
        """The same as a text completion, after the engine could not hold the chat to its form;
        None where that cannot be."""
        body, server = asked.bodies[0], loaded.server
        if asked.route != CHAT or server is None or not (has_form(body) and only_text(body)):
            return None
        try:
            rendered = await upstream.ask(server, "/apply-template", body)
        except ApiError as error:
            log.info("a template could not be applied", extra={"why": str(error)})
            return None
        texts = as_text(body, str(rendered["prompt"]))
        rewriters = (AsChat(), *asked.rewriters)
        return replace(asked, route=TEXT, bodies=(texts,), rewriters=rewriters)


def _beyond_text(body: Body) -> bool:
    if (
        has_form(body)
        or body.get("reasoning_effort") is not None
        or body.get("reasoning") is not None
    ):
        return True
    return any(
        isinstance(message, dict) and isinstance(message.get("content"), list)
        for message in body["messages"]
    )
