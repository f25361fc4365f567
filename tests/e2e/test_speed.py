"""What answers teach: the real service and engine, one answer, its figures in the database."""

from __future__ import annotations

import openai

from desktop.core.fit.speed_book import Run, SpeedBook
from tests.helpers.service import RunningService, wait_for


def runs_of(service: RunningService, test: str) -> list[Run]:
    return [run for run in SpeedBook.open(service.paths).runs if run.test == test]


def test_an_answer_is_learned_from(service: RunningService, public_url: str, tiny: str) -> None:
    with openai.OpenAI(base_url=f"{public_url}/v1", api_key="x", max_retries=0) as client:
        prompt = [{"role": "user", "content": "hello world " * 100}]
        reply = client.chat.completions.create(
            model=tiny,
            messages=prompt,  # type: ignore[arg-type]
            max_tokens=32,
            extra_body={"ignore_eos": True},
        )
    assert reply.usage is not None
    wait_for(lambda: runs_of(service, "decode"), "the figures are stored")
    (decode,), (prefill,) = runs_of(service, "decode"), runs_of(service, "prefill")
    assert decode.tokens == reply.usage.completion_tokens == 32
    assert decode.depth == reply.usage.prompt_tokens + 16
    assert prefill.tokens == reply.usage.prompt_tokens
    assert prefill.real > decode.real > 0
    assert decode.architecture == "llama"
    assert decode.backend == "cpu"
    requests = service.client.requests()
    assert requests[0]["prefill_seconds"] > 0


def test_what_was_noted_is_stored_before_the_service_ends(
    service: RunningService, public_url: str, tiny: str
) -> None:
    before = len(runs_of(service, "decode"))
    with openai.OpenAI(base_url=f"{public_url}/v1", api_key="x", max_retries=0) as client:
        client.chat.completions.create(
            model=tiny,
            messages=[{"role": "user", "content": "hello"}],
            max_tokens=32,
            extra_body={"ignore_eos": True},
        )
    service.stop()
    assert len(runs_of(service, "decode")) == before + 1
