// @vitest-environment node
import { describe, expect, test, vi } from "vitest";
import { CACHED_MESSAGES, type SessionCache } from "../src/caching.js";
import { READ_AHEAD } from "../src/loading.js";
import type { Session, StoredMessage } from "../src/types.js";
import { chatOn, last, MemoryStorage, now, opened, texts } from "./chats.js";
import { FakeServer, problem, until } from "./fake_server.js";

function long(exchanges: number): FakeServer {
  const server = new FakeServer().begin();
  for (let k = 1; k <= exchanges; k++) server.exchange(`${k}`, `re ${k}`, k > 1 ? `r${k - 1}` : null);
  return server;
}

class MemoryCache implements SessionCache {
  readonly kept = new Map<string, { session: Session; messages: StoredMessage[] }>();
  load = (id: string): Promise<{ session: Session; messages: StoredMessage[] } | null> => Promise.resolve(this.kept.get(id) ?? null);
  save = (session: Session, messages: StoredMessage[]): Promise<void> => Promise.resolve(void this.kept.set(session.id, { session, messages }));
  remove = (id: string): Promise<void> => Promise.resolve(void this.kept.delete(id));
}

describe("reading", () => {
  test("the newest messages are shown at once, and all others read when there is time", async () => {
    const server = long(300);
    const chat = chatOn(server);
    const sizes: number[] = [];
    chat.store.subscribe(({ path }) => sizes.at(-1) !== path.length && sizes.push(path.length));
    await chat.open("s");
    expect([now(chat).path.length, now(chat).hasOlder, texts(chat)[0]]).toEqual([100, true, "251"]);
    await until(() => !now(chat).hasOlder);
    expect(sizes).toEqual([0, 100, 300, 500, 600].slice(sizes[0] === 0 ? 0 : 1));
    expect([texts(chat)[0], last(chat)?.content]).toEqual(["1", "re 300"]);
  });

  test(`reads ${READ_AHEAD} messages by itself, and more when asked`, async () => {
    const server = long(1200);
    const chat = await opened(server);
    await until(() => now(chat).messages.size >= READ_AHEAD);
    await new Promise((done) => setTimeout(done, 150));
    const read = now(chat).messages.size;
    expect(read).toBeLessThan(READ_AHEAD + 200);
    expect(now(chat).hasOlder).toBe(true);
    const older = chat.loadOlder();
    expect(now(chat).loadingOlder).toBe(true);
    await older;
    expect([now(chat).loadingOlder, now(chat).path.length]).toEqual([false, read + 200]);
  });

  test("a branch that other branches interrupt is read until it is long enough", async () => {
    const server = new FakeServer().begin();
    for (let k = 1; k <= 30; k++) server.exchange(`${k}`, `re ${k}`, k > 1 ? `r${k - 1}` : null);
    for (let k = 31; k <= 130; k++) server.exchange(`aside ${k}`, "aside", null);
    server.exchange("131", "re 131", "r30");
    const chat = await opened(server);
    await until(() => now(chat).path.length === 62);
    expect(texts(chat).slice(0, 2)).toEqual(["1", "re 1"]);
  });

  test("a page that comes after the messages were read anew leaves no hole", async () => {
    const server = long(300);
    let answer = (): void => undefined;
    const held = new Promise<void>((done) => (answer = done));
    let expired = 1;
    server.instead = async ({ path, query }) => {
      if (query.get("before") === "502") await held;
      return (path.endsWith("/events") && server.turns.length > 300 && expired-- > 0 ? problem(410, "expired") : undefined) as never;
    };
    const chat = await opened(server);
    await until(() => server.requests.some(({ query }) => query.has("before")));
    const [stream] = server.streams;
    server.streams.clear();
    for (let k = 301; k <= 420; k++) server.exchange(`${k}`, `re ${k}`, `r${k - 1}`);
    stream?.cut();
    await until(() => last(chat)?.content === "re 420");
    answer();
    await until(() => !now(chat).hasOlder);
    expect([now(chat).messages.size, texts(chat)[0]]).toEqual([840, "1"]);
  });

  test("a session that is not there is missing", async () => {
    const chat = chatOn(new FakeServer());
    await chat.open("s");
    expect(now(chat).phase).toBe("missing");
  });

  test("what could not be read is tried again", async () => {
    const server = long(1);
    server.down = true;
    const chat = chatOn(server);
    await chat.open("s");
    expect([now(chat).phase, now(chat).path.length]).toEqual(["unreachable", 0]);
    server.down = false;
    chat.connection.retryNow();
    await until(() => now(chat).phase === "ready");
    expect(texts(chat)).toEqual(["1", "re 1"]);
  });

  test("a reply that begins while the messages are read is none that was lost", async () => {
    const server = long(1);
    const cache = new MemoryCache();
    const before = await opened(server, { cache });
    before.close();
    await until(() => cache.kept.has("s"));
    server.down = true;
    const chat = chatOn(server, { cache });
    await chat.open("s");
    chat.send("written offline");
    // The session is read before the server has the message, and its messages after the reply has begun.
    server.instead = async (request) => {
      if (request.method === "POST") await until(() => server.made("GET", "/messages").length > 1);
      if (request.method === "GET" && request.path.endsWith("/messages")) await until(() => now(chat).messages.has("r2"));
      return undefined as never;
    };
    server.down = false;
    chat.connection.retryNow();
    await until(() => !now(chat).stale);
    server.turns[1]?.say("heard");
    await until(() => last(chat)?.content === "heard");
    expect([texts(chat), server.made("GET", "/api/messages/r2").length]).toEqual([["1", "re 1", "written offline", "heard"], 0]);
  });

  test("a reply that the server has no more keeps its place", async () => {
    const server = long(1);
    const chat = await opened(server);
    chat.send("2");
    await until(() => last(chat)?.id === "r2");
    server.turns[1]?.say("half");
    await until(() => last(chat)?.content === "half");
    chat.send("3");
    // Of the reply under way nothing is left; the place in the stream is lost, so the messages are read anew.
    server.turns.splice(1);
    server.instead = (request) => (request.path.endsWith("/events") && request.headers.get("Last-Event-ID") !== "2.0" ? problem(410, "expired") : undefined);
    server.cut();
    await until(() => now(chat).messages.get("r2")?.status === "failed");
    expect([now(chat).messages.get("r2")?.fault?.code, texts(chat).slice(0, 4)]).toEqual(["not_found", ["1", "re 1", "2", "half"]]);
  });

  test("opening another session leaves the first, whichever answers later", async () => {
    const server = long(1);
    let answer = (): void => undefined;
    const held = new Promise<void>((done) => (answer = done));
    server.instead = async (request) => (request.path.includes("slow") ? (await held, problem(404, "not_found")) : (undefined as never));
    const chat = chatOn(server);
    const first = chat.open("slow");
    await chat.open("s");
    answer();
    await first;
    await new Promise((done) => setTimeout(done, 30));
    expect([now(chat).id, now(chat).phase]).toEqual(["s", "ready"]);
  });
});

describe("the reader's own store", () => {
  test("shows what there is while the server is away, and goes on when it is back", async () => {
    const server = long(300);
    const cache = new MemoryCache();
    const before = await opened(server, { cache });
    await until(() => !now(before).hasOlder);
    before.close();
    expect(cache.kept.get("s")?.messages.length).toBe(CACHED_MESSAGES);
    server.exchange("meanwhile", "re meanwhile", "r300");
    server.down = true;
    const chat = chatOn(server, { cache, storage: new MemoryStorage() });
    await chat.open("s");
    expect([now(chat).stale, now(chat).phase, now(chat).title, last(chat)?.content]).toEqual([true, "ready", "A talk", "re 300"]);
    chat.send("still here");
    server.down = false;
    chat.connection.retryNow();
    await until(() => !now(chat).stale && server.turns.length === 302);
    expect(server.messages.at(-1)?.parent_id).toBe("r300");
    server.turns.at(-1)?.say("yes");
    await until(() => last(chat)?.content === "yes");
  });

  test("keeps a reply when it has ended, and forgets a session that is gone", async () => {
    const server = long(1);
    const cache = new MemoryCache();
    const chat = await opened(server, { cache });
    const turn = server.ask("two", "r1");
    turn.say("second");
    await until(() => last(chat)?.content === "second");
    await until(() => cache.kept.has("s"));
    expect(cache.kept.get("s")?.messages.map((message) => message.id)).toEqual(["p1", "r1", "p2"]);
    turn.end();
    await until(() => cache.kept.get("s")?.messages.at(-1)?.id === "r2");
    expect(cache.kept.get("s")?.messages.at(-1)).toEqual(expect.objectContaining({ ordinal: 5, content: "second", status: "complete" }));
    server.session = null;
    chat.startNew();
    await chat.open("s");
    expect([now(chat).phase, cache.kept.size]).toEqual(["missing", 0]);
  });

  test("is done without where it never answers", async () => {
    vi.useFakeTimers();
    const server = long(1);
    server.down = true;
    const cache = Object.assign(new MemoryCache(), { load: () => new Promise<null>(() => undefined) });
    const chat = chatOn(server, { cache });
    void chat.open("s");
    await vi.advanceTimersByTimeAsync(10_000);
    const { phase } = now(chat);
    server.down = false;
    await vi.advanceTimersByTimeAsync(10_000);
    vi.useRealTimers();
    expect([phase, now(chat).phase, texts(chat)]).toEqual(["unreachable", "ready", ["1", "re 1"]]);
  });

  test("a session deleted while it is followed is missing as soon as the server sends its followers away", async () => {
    const server = long(1);
    const cache = new MemoryCache();
    const storage = new MemoryStorage();
    const chat = await opened(server, { cache, storage });
    await until(() => cache.kept.has("s"));
    const followed = server.followed.length;
    server.session = null;
    for (const stream of server.streams) stream.send(`event: resume\ndata: {"type":"resume","cursor":"2.0","retry_after":0}\n\n`);
    await until(() => now(chat).phase === "missing", 1500);
    expect([server.followed.length - followed, cache.kept.size, server.made("GET", "/events").length]).toEqual([0, 0, followed + 1]);
  });
});
