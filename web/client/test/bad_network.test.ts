// @vitest-environment node
import { describe, expect, test, vi } from "vitest";
import { Api } from "../src/api.js";
import type { Chat } from "../src/chat.js";
import { Connection } from "../src/connection.js";
import { FAULTS } from "../src/sender.js";
import { chatOn, last, now, opened, shown, texts } from "./chats.js";
import { FakeServer, type FakeRequest, json, problem, until } from "./fake_server.js";

const talk = (): FakeServer => {
  const server = new FakeServer().begin();
  server.exchange("one", "first", null);
  return server;
};
const isMessage = ({ method, path }: FakeRequest): boolean => method === "POST" && path.endsWith("/messages");
const isStream = ({ path }: FakeRequest): boolean => path.endsWith("/events");
const posts = (server: FakeServer): FakeRequest[] => server.requests.filter(isMessage);
const keys = (server: FakeServer): Set<string | null> => new Set(posts(server).map(({ headers }) => headers.get("Idempotency-Key")));

/** Wait until something is so, and have nothing else waited for. */
const hurried = (chat: Chat, what: () => boolean): Promise<void> =>
  until(() => {
    chat.connection.retryNow();
    return what();
  });

describe("where no stream can be had", () => {
  const blocked = (server: FakeServer): void => {
    server.instead = (request) => {
      if (isStream(request)) throw new TypeError("blocked");
      return undefined;
    };
  };

  test.each<[string, (server: FakeServer) => void]>([
    ["refused by the network", blocked],
    ["ended at once", (server) => (server.instead = (request) => (isStream(request) ? new Response("", { headers: { "Content-Type": "text/event-stream" } }) : undefined))],
  ])("a reply that has ended is shown all the same: %s", async (_what, block) => {
    const server = talk();
    block(server);
    const chat = chatOn(server);
    await chat.open("s");
    chat.send("two");
    chat.send("three");
    await until(() => server.turns.length === 2);
    server.turns[1]?.say("second");
    server.turns[1]?.end();
    await until(() => texts(chat)[3] === "second" && now(chat).messages.get("r2")?.status === "complete");
    await until(() => server.turns.length === 3);
  });

  test("what may be what is being sent is not shown beside it", async () => {
    const server = talk();
    blocked(server);
    let lost = 0;
    server.loses = (request) => isMessage(request) && lost++ < 4;
    const chat = chatOn(server);
    await chat.open("s");
    let most = 0;
    chat.store.subscribe(({ messages }) => (most = Math.max(most, messages.size)));
    await until(() => server.made("GET", "/events").length > 1);
    chat.send("two");
    await until(() => lost > 4 && last(chat)?.id === "r2");
    expect([most, server.turns.length]).toEqual([4, 2]);
  });

  test("a session that is gone is missing", async () => {
    const server = talk();
    blocked(server);
    const chat = chatOn(server);
    await chat.open("s");
    server.session = null;
    await until(() => now(chat).phase === "missing");
    expect(chat.connection.store.getState().status).toBe("connected");
  });
});

test.each([
  ["streams", isStream],
  ["messages", isMessage],
])("what always fails is not asked for without pause beside a server that answers: %s", async (_what, fails) => {
  vi.useFakeTimers();
  const server = talk();
  server.instead = (request) => {
    if (fails(request)) throw new TypeError("reset");
    return undefined;
  };
  const connection = new Connection();
  const chat = chatOn(server, { api: new Api({ fetch: server.fetch, connection }), connection });
  await chat.open("s");
  chat.send("two");
  await vi.advanceTimersByTimeAsync(60_000);
  const tries = server.requests.filter(fails).length;
  vi.useRealTimers();
  // A wait doubles from 125 ms at least to 4 s at least: that many fit.
  expect(tries).toBeGreaterThan(5);
  expect(tries).toBeLessThan(22);
  expect(server.made("GET", "/health").length).toBeLessThan(22);
});

describe("a message", () => {
  test.each<[string, () => Response]>([
    ["the server fails at", () => problem(500, "internal_error")],
    ["the server fails at without a word", () => new Response("Internal Server Error", { status: 500 })],
    ["no server is known for", () => new Response("404 page not found", { status: 404 })],
  ])("that %s again and again holds up no other: its reader decides", async (_what, answer) => {
    const server = talk();
    const chat = await opened(server);
    server.instead = (request) => (isMessage(request) && request.body.text === "bad" ? answer() : undefined);
    chat.send("bad");
    await hurried(chat, () => last(chat)?.status === "unsent");
    expect([posts(server).length, now(chat).running]).toEqual([FAULTS, null]);
    chat.send("good");
    await until(() => server.turns.length === 2);
    server.instead = () => undefined;
    const unsent = [...now(chat).messages.values()].find(({ status }) => status === "unsent");
    chat.discard(unsent?.id ?? "");
    expect([...now(chat).messages.values()].map(({ content }) => content)).not.toContain("bad");
  });

  test("waits for as long as the server says that it can't take it now", async () => {
    const server = talk();
    const chat = await opened(server);
    server.instead = (request) => (isMessage(request) ? problem(503, posts(server).length % 2 ? "store_unavailable" : "unreachable") : undefined);
    chat.send("two");
    await hurried(chat, () => posts(server).length > 3 * FAULTS);
    server.instead = (request) => (isMessage(request) ? new Response("", { status: 502 }) : undefined);
    await hurried(chat, () => posts(server).length > 6 * FAULTS);
    server.instead = () => undefined;
    await hurried(chat, () => last(chat)?.id === "r2");
    expect(keys(server).size).toBe(1);
  });

  test.each<[string, () => Response]>([
    ["is asked to wait", () => problem(429, "rate_limited", { retry_after: 60 })],
    ["fails", () => problem(500, "internal_error", { retry_after: 60 })],
  ])("that waits while the server %s is not sent when its reply is stopped", async (_what, answer) => {
    const server = talk();
    const chat = await opened(server);
    server.instead = (request) => (isMessage(request) ? answer() : undefined);
    chat.send("two");
    chat.send("three");
    await until(() => posts(server).length === 1);
    await new Promise((done) => setTimeout(done, 30));
    chat.stop();
    await until(() => last(chat)?.status === "unsent");
    expect([shown(chat).map(({ status }) => status), now(chat).stopping]).toEqual([["complete", "complete", "unsent", "unsent", "unsent"], false]);
    server.instead = () => undefined;
    chat.connection.retryNow();
    await new Promise((done) => setTimeout(done, 60));
    expect(posts(server).length).toBe(1);
    chat.retry(shown(chat)[2]?.id ?? "");
    await until(() => server.turns.length === 2);
  });

  test("is not sent again either when it was stopped before the server's answer", async () => {
    const server = talk();
    const chat = await opened(server);
    server.instead = (request) => (isMessage(request) ? problem(500, "internal_error") : undefined);
    chat.send("two");
    chat.stop();
    await until(() => last(chat)?.status === "unsent");
    expect(posts(server).length).toBe(1);
  });

  const taken = async (then: (request: FakeRequest) => Response): Promise<{ server: FakeServer; chat: Chat; most: () => number }> => {
    const server = talk();
    const chat = await opened(server);
    let most = 0;
    chat.store.subscribe(({ messages }) => (most = Math.max(most, messages.size)));
    server.loses = (request) => isMessage(request) && posts(server).length === 1;
    server.instead = (request) => (isMessage(request) && posts(server).length === 2 ? then(request) : undefined);
    chat.send("two");
    await until(() => posts(server).length === 2);
    return { server, chat, most: () => most };
  };

  test.each<[string, () => Response]>([
    ["a proxy's refusal", () => new Response("Forbidden", { status: 403 })],
    ["a proxy that knows no server", () => json(404, "nope")],
    ["a proxy whose servers are away", () => problem(503, "unreachable")],
    ["a server that can't take more", () => problem(429, "rate_limited", { retry_after: 0.2 })],
  ])("whose answer was lost is stored and shown once, whatever comes then: %s", async (_what, then) => {
    const { server, chat, most } = await taken(then);
    await until(() => last(chat)?.id === "r2");
    expect([keys(server).size, server.turns.length, most()]).toEqual([1, 2, 4]);
  });

  test("whose answer a gateway did not wait for is not taken for another's", async () => {
    const server = talk();
    const fetch: typeof globalThis.fetch = async (url, init) => {
      const answer = await server.fetch(url, init);
      return init?.method === "POST" && posts(server).length === 1 ? problem(503, "unreachable", { retry_after: 0.2 }) : answer;
    };
    const chat = await opened(server, { api: new Api({ fetch }) });
    let most = 0;
    chat.store.subscribe(({ messages }) => (most = Math.max(most, messages.size)));
    chat.send("two");
    await until(() => last(chat)?.id === "r2");
    expect([server.turns.length, most]).toEqual([2, 4]);
  });

  test("that was taken and then refused is sent again as the same", async () => {
    const { server, chat } = await taken(() => problem(422, "invalid"));
    await until(() => [...now(chat).messages.values()].some(({ status }) => status === "unsent"));
    chat.retry([...now(chat).messages.values()].find(({ status }) => status === "unsent")?.id ?? "");
    await until(() => [...now(chat).messages.keys()].sort().join() === "p1,p2,r1,r2");
    expect([keys(server).size, server.turns.length, texts(chat)]).toEqual([1, 2, ["one", "first", "two", ""]]);
  });

  test.each<[string, (chat: Chat) => unknown]>([
    ["message", (chat) => chat.send("two")],
    ["wish for another reply", (chat) => chat.regenerate("r1")],
  ])("whose key stands for another %s is sent again with one of its own", async (_what, ask) => {
    const server = talk();
    const chat = await opened(server);
    const asked = (): FakeRequest[] => server.requests.filter(({ method }) => method === "POST");
    server.instead = ({ method }) => (method === "POST" && asked().length === 1 ? problem(409, "conflict") : undefined);
    ask(chat);
    await until(() => last(chat)?.fault?.code === "conflict");
    chat.retry(last(chat)?.id ?? "");
    await until(() => server.turns.length === 2);
    expect(new Set(asked().map(({ headers }) => headers.get("Idempotency-Key"))).size).toBe(2);
  });
});
