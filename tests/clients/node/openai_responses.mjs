// The official SDK's Responses: created, streamed, with tools, in the background, stopped, deleted, refused; and a
// stream that breaks, gone on with at another pod.
// {urls, model, tool_model, slow_model, resumed_model, text, parts: all by default, most: events to read of each
// stream, or null}
import OpenAI from "openai";

const given = JSON.parse(process.argv[2]);
const { model, text } = given;
const clients = given.urls.map((url) => new OpenAI({ baseURL: `${url}/v1`, apiKey: "sk-node", maxRetries: 0 }));
const { responses } = clients[0];
const lookup = { type: "function", name: "lookup", parameters: { type: "object", properties: {} }, strict: false };
const ENDS = ["response.completed", "response.incomplete", "response.failed"];

async function whole() {
  const made = await responses.create({ model, input: text });
  const found = await responses.retrieve(made.id);
  return { text: made.output_text, status: made.status, kept: JSON.stringify(found) === JSON.stringify(made) };
}

async function streamed() {
  const stream = responses.stream({ model, input: text });
  let deltas = "";
  stream.on("response.output_text.delta", (event) => { deltas += event.delta; });
  const final = await stream.finalResponse();
  return { text: deltas, final: final.output_text };
}

async function helped() {
  const stream = await responses.create({ model, input: text, background: true, stream: true });
  const read = [];
  for await (const event of stream) if (read.push(event) === 10) break;
  const rest = responses.stream({ response_id: read[0].response.id, starting_after: read[9].sequence_number });
  const numbers = [];
  rest.on("event", (event) => numbers.push(event.sequence_number));
  const final = await rest.finalResponse();
  return { first: numbers[0], final: final.output_text };
}

async function tools() {
  const asked = { model: given.tool_model, tools: [lookup] };
  const first = await responses.create({ ...asked, input: text });
  const call = first.output.find((item) => item.type === "function_call");
  const output = { type: "function_call_output", call_id: call.call_id, output: "42" };
  const second = await responses.create({ ...asked, input: [output], previous_response_id: first.id });
  const listed = [];
  for await (const item of responses.inputItems.list(second.id, { order: "asc", limit: 3 })) listed.push(item.type);
  return { called: [call.name, JSON.parse(call.arguments)], text: second.output_text, listed };
}

async function polled() {
  let response = await responses.create({ model, input: text, background: true });
  while (["queued", "in_progress"].includes(response.status)) {
    await new Promise((later) => setTimeout(later, 50));
    response = await responses.retrieve(response.id);
  }
  return { status: response.status, text: response.output_text };
}

async function cancelled() {
  const stream = await responses.create({ model: given.slow_model, input: text, background: true, stream: true });
  let id, status, last;
  for await (const event of stream) {
    id ??= event.response.id;
    last = event.type;
    if (!status && last === "response.output_text.delta") ({ status } = await responses.cancel(id));
  }
  await responses.delete(id);
  return { status, last, gone: await refused(responses.retrieve(id)) };
}

async function refused(asked) {
  try {
    await asked;
  } catch (error) {
    return [error.constructor.name, error.status, error.code, error.param];
  }
}

async function errors() {
  return {
    model: await refused(responses.create({ model: "none", input: text })),
    tool: await refused(responses.create({ model, input: text, tools: [{ type: "web_search" }] })),
    limited: await refused(responses.create({ model: `${model}-status429-retry60`, input: text })),
  };
}

async function resumed() {
  const found = [];
  let breaks = 0;
  async function take(stream, most) {
    let n = 0;
    try {
      for await (const event of stream) {
        found.push(event);
        n += 1;
        if (n === most) break;
      }
    } catch { breaks += 1; }
  }
  const last = () => found[found.length - 1];
  const asked = { model: given.resumed_model, input: text, background: true, stream: true };
  await take(await responses.create(asked), given.most);
  const { id } = found[0].response;
  for (let n = 1; !ENDS.includes(last().type) && n < 100; n += 1) {
    const client = clients[n % clients.length];
    try {
      const starting_after = last().sequence_number;
      await take(await client.responses.retrieve(id, { stream: true, starting_after }), given.most);
    } catch { await new Promise((later) => setTimeout(later, 100)); }
  }
  const pieces = found.filter((event) => event.type === "response.output_text.delta").map((event) => event.delta);
  return { breaks, numbers: found.map((event) => event.sequence_number), text: pieces.join(""), last: last().type };
}

const told = {};
for (const part of given.parts ?? [whole, streamed, helped, tools, polled, cancelled, errors, resumed].map((each) => each.name))
  told[part] = await { whole, streamed, helped, tools, polled, cancelled, errors, resumed }[part]();
console.log(JSON.stringify(told));
