"""What a program does with LangChain: prints one JSON document of what it got."""

import json
import sys

import openai
from langchain_openai import ChatOpenAI, OpenAIEmbeddings

base_url, model, embedding_model = sys.argv[1:]
where = {"base_url": base_url, "api_key": "none", "max_retries": 0}
chat = ChatOpenAI(model=model, stream_usage=True, **where)
got = {}

got["list"] = [each.id for each in chat.root_client.models.list()]
got["chat"] = chat.invoke("say=hello words=3").content

got["stream"] = ""
for chunk in chat.stream("say=flow words=5"):
    got["stream"] += chunk.content
    if chunk.usage_metadata:
        got["stream_tokens"] = chunk.usage_metadata["output_tokens"]

parameters = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
tool = {"type": "function", "function": {"name": "get_weather", "parameters": parameters}}
called = chat.bind_tools([tool]).invoke("weather?")
call = called.tool_calls[0]
got["tool"] = {"name": call["name"], "arguments": call["args"]}
got["tool_reason"] = called.response_metadata["finish_reason"]

schema = {
    "title": "weather",
    "type": "object",
    "properties": {"city": {"type": "string"}, "degrees": {"type": "integer"}},
    "required": ["city", "degrees"],
    "additionalProperties": False,
}
got["schema"] = chat.with_structured_output(schema, method="json_schema").invoke("as JSON")

embeddings = OpenAIEmbeddings(model=embedding_model, check_embedding_ctx_length=False, **where)
got["vectors"] = embeddings.embed_documents(["one", "three"])

try:
    ChatOpenAI(model="no-such-model", **where).invoke("hi")
except openai.APIStatusError as error:
    got["error"] = {
        "kind": type(error).__name__,
        "status": error.status_code,
        "code": error.code,
    }

count = 0
stream = chat.stream("say=on words=5000 pause=0.01")
for _ in stream:
    count += 1
    if count == 3:
        break
stream.close()
got["cancelled_after"] = count

print(json.dumps(got))
