// What a program does with OpenAI's client for Node: prints one JSON document of what it got.
import OpenAI from "openai";

const [baseURL, model, embeddingModel] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey: "none", maxRetries: 0 });
const said = (content) => ({ model, messages: [{ role: "user", content }] });
const got = {};

got.list = (await client.models.list()).data.map((each) => each.id);
got.chat = (await client.chat.completions.create(said("say=hello words=3"))).choices[0].message
  .content;

got.stream = "";
const options = { stream: true, stream_options: { include_usage: true } };
for await (const chunk of await client.chat.completions.create({
  ...said("say=flow words=5"),
  ...options,
})) {
  got.stream += chunk.choices[0]?.delta?.content ?? "";
  if (chunk.usage) got.stream_tokens = chunk.usage.completion_tokens;
}

const parameters = {
  type: "object",
  properties: { city: { type: "string" } },
  required: ["city"],
};
const tools = [{ type: "function", function: { name: "get_weather", parameters } }];
const called = await client.chat.completions.create({ ...said("weather?"), tools });
const call = called.choices[0].message.tool_calls[0];
got.tool = { name: call.function.name, arguments: JSON.parse(call.function.arguments) };
got.tool_reason = called.choices[0].finish_reason;

const schema = {
  type: "object",
  properties: { city: { type: "string" }, degrees: { type: "integer" } },
  required: ["city", "degrees"],
  additionalProperties: false,
};
const answer = await client.chat.completions.create({
  ...said("as JSON"),
  response_format: { type: "json_schema", json_schema: { name: "weather", strict: true, schema } },
});
got.schema = JSON.parse(answer.choices[0].message.content);

const vectors = await client.embeddings.create({
  model: embeddingModel,
  input: ["one", "three"],
  encoding_format: "float",
});
got.vectors = vectors.data.map((each) => each.embedding);

try {
  await client.chat.completions.create({ ...said("hi"), model: "no-such-model" });
} catch (error) {
  got.error = { kind: error.constructor.name, status: error.status, code: error.code };
}

const long = await client.chat.completions.create({
  ...said("say=on words=5000 pause=0.01"),
  stream: true,
});
let count = 0;
for await (const _ of long) {
  count += 1;
  if (count === 3) long.controller.abort();
}
got.cancelled_after = count;

console.log(JSON.stringify(got));
