// A chat client of the session socket: `ws`, no user, no cursor, no acknowledgement of its own.
import WebSocket from "ws";

const { url, ws, model, texts, away } = JSON.parse(process.argv[2]);
const chunks = new Map();
const complete = new Map();
const errors = [];
let repeats = 0;
let pong = null;

function take(frame) {
  const message = frame.message_id;
  if (frame.type === "chunk") {
    const had = chunks.get(message) ?? [];
    chunks.set(message, had);
    if (frame.chunk_id < had.length) {
      repeats += 1;
    } else if (frame.chunk_id === had.length) {
      had.push(frame.content);
    } else {
      throw new Error(`chunk ${frame.chunk_id} came where ${had.length} was due`);
    }
  } else if (frame.type === "complete") {
    repeats += complete.has(message) ? 1 : 0;
    if (frame.content !== chunks.get(message).join("")) {
      throw new Error("the chunks do not add up");
    }
    complete.set(message, frame.content);
  } else if (frame.type === "error") {
    errors.push(frame.code);
  } else if (frame.type === "pong") {
    pong = frame.type;
  }
}

const count = () => [...chunks.values()].reduce((sum, had) => sum + had.length, 0);

/** Hold a connection until `done`, then break it: no closing handshake. */
function visit(done, opened = () => {}) {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`${ws}/ws/${session}/node`);
    socket.on("open", () => opened(socket));
    socket.on("error", reject);
    socket.on("message", (data) => {
      take(JSON.parse(data));
      if (done()) {
        socket.removeAllListeners("message");
        socket.on("close", resolve);
        socket.terminate();
      }
    });
  });
}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const made = await fetch(`${url}/chat/session`, {
  method: "POST",
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify({ customer_name: "Ann", customer_email: "ann@example.org" }),
});
const session = (await made.json()).session_id;

await visit(
  () => chunks.size === texts.length && errors.length && pong,
  (socket) => {
    socket.send("{");
    socket.send(JSON.stringify({ type: "ping" }));
    for (const text of texts) socket.send(JSON.stringify({ message: text, model }));
  },
);
// On a busy machine all may have come before the last visit: then nothing more is due.
const all = () => complete.size === texts.length;
for (let i = 0; i < 3 && !all(); i += 1) {
  await sleep(away * 1000);
  const before = count();
  await visit(() => count() > before + 5 || all());
}
if (!all()) await visit(all);
const context = (await (await fetch(`${url}/chat/session/${session}`)).json()).context;
console.log(
  JSON.stringify({
    pong,
    errors,
    repeats,
    texts: [...complete.values()].sort(),
    chunks: count(),
    message_count: context.message_count,
  }),
);
