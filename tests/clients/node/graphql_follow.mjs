// graphql-ws follows a reply. Whenever its connection breaks it comes back by itself, with the last cursor, to the
// next of the `places` (ws://…). It breaks it itself after each number of events in `cuts`.
// {url, places, user, model, cuts, session?: whether to follow the session instead of the turn}
//   -> {text, seqs, end, opens, codes: of connections that closed, ids: [turn, message]}
import { createClient } from "graphql-ws";
import WebSocket from "ws";

const given = JSON.parse(process.argv[2]);

class AsUser extends WebSocket {
  constructor(address, protocols) {
    super(address, protocols, { headers: { "x-user-id": given.user } });
  }
}

async function ask(query, variables) {
  const response = await fetch(`${given.url}/graphql`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      accept: "application/graphql-response+json",
      "x-user-id": given.user,
    },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = await response.json();
  if (errors) throw new Error(JSON.stringify(errors));
  return data;
}

const { createSession } = await ask("mutation { createSession { id } }");
const { sendMessage: turn } = await ask(
  "mutation ($input: NewMessage!) { sendMessage(input: $input) { id messageId } }",
  { input: { sessionId: createSession.id, text: "Sing.", model: given.model, idempotencyKey: "once" } },
);

const found = { text: "", seqs: [], end: null, opens: 0, codes: [], ids: [turn.id, turn.messageId] };
const client = createClient({
  url: () => given.places[found.opens % given.places.length],
  webSocketImpl: AsUser,
  retryAttempts: 20,
  retryWait: () => new Promise((done) => setTimeout(done, 100)),
  on: { connected: () => { found.opens += 1; }, closed: (event) => found.codes.push(event.code) },
});

const EVENT = "{ type turnId seq text data cursor end { state finishReason messageId } }";
const request = given.session
  ? { query: `subscription ($of: ID!, $cursor: String) { events: sessionReplies(sessionId: $of, cursor: $cursor) ${EVENT} }` }
  : { query: `subscription ($of: ID!, $cursor: String) { events: reply(turnId: $of, cursor: $cursor) ${EVENT} }` };
let cursor = null;
// Asked for anew whenever the client subscribes again.
Object.defineProperty(request, "variables", {
  enumerable: true,
  get: () => ({ of: given.session ? createSession.id : turn.id, cursor }),
});

const cuts = [...given.cuts];
for await (const { data, errors } of client.iterate(request)) {
  if (errors) throw new Error(JSON.stringify(errors));
  const event = data.events;
  cursor = event.cursor ?? cursor;
  if (event.seq === null) continue;
  found.seqs.push(event.seq);
  if (event.type === "CONTENT") found.text += event.text;
  if (event.type === "RESET") found.text = "";
  if (event.type === "END") {
    found.end = event.end;
    break;
  }
  if (cuts.length > 0 && found.seqs.length >= cuts[0]) {
    cuts.shift();
    client.terminate();
  }
}
await client.dispose();
console.log(JSON.stringify(found));
