"""What a program does with litellm: prints one JSON document of what it got."""

import json
import os
import sys

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # else it asks the network as it is imported

import litellm

base_url, model, embedding_model = sys.argv[1:]
where = {"api_base": base_url, "api_key": "none", "num_retries": 0}
got = {}


def said(content):
    return {
        "model": f"openai/{model}",
        "messages": [{"role": "user", "content": content}],
        **where,
    }


got["list"] = litellm.get_valid_models(
    check_provider_endpoint=True,
    custom_llm_provider="openai",
    api_base=base_url,
    api_key="none",
)
got["chat"] = litellm.completion(**said("say=hello words=3")).choices[0].message.content

got["stream"] = ""
options = {"stream": True, "stream_options": {"include_usage": True}}
for chunk in litellm.completion(**said("say=flow words=5"), **options):
    if chunk.choices:
        got["stream"] += chunk.choices[0].delta.content or ""
    if getattr(chunk, "usage", None):
        got["stream_tokens"] = chunk.usage.completion_tokens

parameters = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
tools = [{"type": "function", "function": {"name": "get_weather", "parameters": parameters}}]
called = litellm.completion(**said("weather?"), tools=tools).choices[0]
function = called.message.tool_calls[0].function
got["tool"] = {"name": function.name, "arguments": json.loads(function.arguments)}
got["tool_reason"] = called.finish_reason

schema = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "degrees": {"type": "integer"}},
    "required": ["city", "degrees"],
    "additionalProperties": False,
}
form = {
    "type": "json_schema",
    "json_schema": {"name": "weather", "strict": True, "schema": schema},
}
answer = litellm.completion(**said("as JSON"), response_format=form)
got["schema"] = json.loads(answer.choices[0].message.content)

vectors = litellm.embedding(
    model=f"openai/{embedding_model}", input=["one", "three"], encoding_format="float", **where
)
got["vectors"] = [each["embedding"] for each in vectors.data]

try:
    litellm.completion(**{**said("hi"), "model": "openai/no-such-model"})
except Exception as error:
    code = (getattr(error, "body", None) or {}).get("code")
    got["error"] = {"kind": type(error).__name__, "status": error.status_code, "code": code}

count = 0
stream = litellm.completion(**said("say=on words=5000 pause=0.01"), stream=True)
for _ in stream:
    count += 1
    if count == 3:
        break
stream.completion_stream.close()
got["cancelled_after"] = count

print(json.dumps(got))
