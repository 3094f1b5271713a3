// A reply's log as the official client of Durable Streams reads it.
import { stream, DurableStream } from "@durable-streams/client";

const args = JSON.parse(process.argv[2]);
const options = { url: args.log, headers: { "X-User-ID": args.user }, offset: args.offset ?? "-1" };

async function read(live, { most = Infinity, offset = options.offset } = {}) {
  const items = [];
  const errors = [];
  let at = offset;
  const over = () => items.length >= most || items.at(-1)?.type === "end";
  // The client retries what it could not begin; what breaks in the midst is the application's to read on.
  while (!over() && errors.length < 50) {
    try {
      const response = await stream({ ...options, offset: at, live });
      await new Promise((resolve, reject) => {
        response.subscribeJson(async (batch) => {
          items.push(...batch.items);
          at = batch.offset;
          if (over()) resolve(response.cancel());
        });
        response.closed.catch(reject);
      });
    } catch (error) {
      errors.push(String(error));
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
  return { items, offset: at, errors };
}

const modes = {
  async whole() {
    return read(args.live);
  },

  async cut() {
    const first = await read(args.live, { most: args.most });
    const rest = await read(args.live, { offset: first.offset });
    return { ...rest, items: [...first.items, ...rest.items], cut: first.items.length };
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
