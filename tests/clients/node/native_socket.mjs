// `ws` on the native WebSocket: two sessions on one connection, cut in the middle, resumed elsewhere by cursor.
import WebSocket from "ws";

const { urls, model, text, sessions } = JSON.parse(process.argv[2]);
const replies = Object.fromEntries(sessions.map((id) => [id, { text: "", seqs: [], cursor: null, state: null }]));
const turns = {};

function take(frame) {
  if (frame.type === "error") throw new Error(JSON.stringify(frame));
  if (frame.type === "submitted") turns[frame.turn.session_id] = frame.turn.id;
  if (frame.seq === undefined) return;
  const reply = replies[frame.session_id];
  reply.seqs.push(frame.seq);
  reply.cursor = frame.cursor;
  if (frame.type === "content") reply.text += frame.text;
  if (frame.type === "end") reply.state = frame.data.state;
}

function connection(url, begin, until) {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`${url}/api/ws`, { headers: { "X-User-ID": "ann" } });
    socket.on("open", () => begin((frame) => socket.send(JSON.stringify(frame))));
    socket.on("message", (data) => {
      try {
        take(JSON.parse(data.toString()));
      } catch (error) {
        reject(error);
      }
      if (until()) {
        socket.terminate();
        resolve();
      }
    });
    socket.on("error", reject);
  });
}

await connection(
  urls[0],
  (send) => sessions.forEach((id) => send({ type: "submit", session_id: id, text: `${text} ${id}`, model, create: true })),
  () => sessions.every((id) => replies[id].seqs.length > 20 && turns[id]),
);
await connection(
  urls[1],
  (send) => sessions.forEach((id) => send({ type: "follow", turn_id: turns[id], cursor: replies[id].cursor })),
  () => sessions.every((id) => replies[id].state !== null),
);
console.log(JSON.stringify({ replies }));
