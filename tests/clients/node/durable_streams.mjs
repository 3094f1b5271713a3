// A reply's log as the official client of Durable Streams reads it.
import { stream, DurableStream } from "@durable-streams/client";

const args = JSON.parse(process.argv[2]);
const options = { url: args.log, headers: { "X-User-ID": args.user }, offset: args.offset ?? "-1" };

async function read(live, { most = Infinity, offset = options.offset } = {}) {
  const items = [];
  const response = await stream({ ...options, offset, live });
  let at = offset;
  await new Promise((resolve, reject) => {
    response.subscribeJson(async (batch) => {
      items.push(...batch.items);
      at = batch.offset;
      if (items.length >= most) {
        response.cancel();
        resolve();
      }
    });
    response.closed.then(resolve, reject);
  });
  return { items, offset: at };
}

const modes = {
  async whole() {
    return read(args.live);
  },

  async cut() {
    const first = await read(args.live, { most: args.most });
    const rest = await read(args.live, { offset: first.offset });
    return { items: [...first.items, ...rest.items], offset: rest.offset, cut: first.items.length };
  },

  async catchUp() {
    const response = await stream({ ...options, live: false });
    const items = await response.json();
    const head = await new DurableStream({ url: args.log, headers: options.headers }).head();
    return { items, offset: response.offset, head };
  },
};

console.log(JSON.stringify(await modes[args.mode]()));
process.exit(0);
