// The official SDK: {url} -> what it made of each call.
import OpenAI from "openai";

const { url } = JSON.parse(process.argv[2]);
const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: "sk-x", maxRetries: 0 });
const messages = [{ role: "user", content: "hi" }];
const parameters = { type: "object", properties: { key: { type: "string" } } };

async function streamed() {
  const stream = await client.chat.completions.create({
    model: "test/test-60-2-0", messages, stream: true, stream_options: { include_usage: true },
  });
  let text = "";
  let tokens = 0;
  for await (const chunk of stream) {
    text += chunk.choices[0]?.delta.content ?? "";
    tokens = chunk.usage?.total_tokens ?? tokens;
  }
  return { text, tokens };
}

async function refused(body, options) {
  let said = "";
  try {
    const answer = await client.chat.completions.create({ messages, ...body }, options);
    if (body.stream) for await (const chunk of answer) said += chunk.choices[0]?.delta.content ?? "";
    return { error: null, said };
  } catch (error) {
    if (!(error instanceof OpenAI.APIError)) throw error;
    return { error: error.constructor.name, status: error.status ?? null, code: error.code ?? null, said };
  }
}

async function tools() {
  const handed = [];
  const runner = client.chat.completions.runTools({
    model: "test/test-20-0-0-tool", messages, stream: true,
    tools: [{ type: "function", function: {
      name: "lookup", parameters, parse: JSON.parse, function: (given) => { handed.push(given); return "42"; },
    } }],
  });
  return { answered: await runner.finalContent(), handed };
}

const whole = await client.chat.completions.create({ model: "test/test-60-2-0", messages });
const embedded = await client.embeddings.create({ model: "test/embed-8", input: ["a", "b"] });
const listed = [];
for await (const model of client.models.list()) listed.push(model.id);
console.log(JSON.stringify({
  whole: whole.choices[0].message.content,
  requestId: whole._request_id,
  streamed: await streamed(),
  tools: await tools(),
  errors: {
    notFound: await refused({ model: "nope" }),
    bad: await refused({ model: "echo", n: 2 }),
    limited: await refused({ model: "test/test-5-0-0-status429-retry60", stream: true }),
    slow: await refused({ model: "test/test-5-0-3000" }, { timeout: 1000 }),
    midway: await refused({ model: "test/test-40-2-0-cut20", stream: true }),
  },
  embedded: embedded.data.map((each) => each.embedding),
  listed,
  one: (await client.models.retrieve("test/test-20-0-0")).id,
}));
