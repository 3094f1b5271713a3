// @vitest-environment node
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { OUTBOX_ENTRIES } from "../src/outbox.js";
import { chatOn, last, MemoryStorage, now, opened, shown, texts } from "./chats.js";
import { FakeServer, json, problem, until } from "./fake_server.js";

const posted = (server: FakeServer): unknown[] => server.made("POST", "/messages").map(({ body }) => body);
const rest = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

describe("before a session is read", () => {
  test("what is said follows its newest reply, and makes no session", async () => {
    const server = new FakeServer().begin();
    server.exchange("one", "first", null);
    server.down = true;
    const chat = chatOn(server);
    await chat.open("s");
    expect(now(chat).phase).toBe("unreachable");
    chat.send("two");
    chat.send("three");
    expect(texts(chat)).toEqual(["two", "", "three", ""]);
    server.down = false;
    chat.connection.retryNow();
    await until(() => server.turns.length === 2);
    expect([posted(server), server.made("POST", "/sessions").length]).toEqual([[{ text: "two", parent: "r1" }], 0]);
    expect(texts(chat)).toEqual(["one", "first", "two", "", "three", ""]);
    server.turns[1]?.end();
    await until(() => server.turns.length === 3);
    expect(posted(server).at(-1)).toEqual({ text: "three", parent: "r2" });
  });

  test("it waits for the end of a reply under way there", async () => {
    const server = new FakeServer().begin();
    const turn = server.ask("one", null);
    server.down = true;
    const chat = chatOn(server);
    await chat.open("s");
    chat.send("two");
    server.down = false;
    chat.connection.retryNow();
    await until(() => texts(chat).join() === "one,,two,");
    expect(posted(server)).toEqual([]);
    turn.end();
    await until(() => posted(server).length === 1);
    expect(posted(server)).toEqual([{ text: "two", parent: "r1" }]);
  });

  test("a page that is loaded anew meanwhile still has it", async () => {
    const server = new FakeServer().begin();
    server.exchange("one", "first", null);
    const storage = new MemoryStorage();
    server.down = true;
    const before = chatOn(server, { storage });
    await before.open("s");
    before.send("two");
    before.close();
    const chat = chatOn(server, { storage });
    await chat.open("s");
    expect(texts(chat)).toEqual(["two", ""]);
    server.down = false;
    chat.connection.retryNow();
    await until(() => posted(server).length === 1);
    expect([posted(server), texts(chat)]).toEqual([[{ text: "two", parent: "r1" }], ["one", "first", "two", ""]]);
  });
});

test("what waits for a reply is sent when that turns out to have ended while the place was lost", async () => {
  const server = new FakeServer().begin();
  const turn = server.ask("one", null);
  const chat = await opened(server);
  await until(() => last(chat)?.id === "r1");
  chat.send("two");
  server.instead = (request) => (request.path.endsWith("/events") ? json(410, { code: "gone", detail: "gone." }) : undefined);
  server.cut();
  turn.end();
  await until(() => posted(server).length === 1);
  expect(posted(server)).toEqual([{ text: "two", parent: "r1" }]);
});

test("a session that is missing is never made: what is said there begins another", async () => {
  const server = new FakeServer();
  const chat = chatOn(server);
  await chat.open("made-up");
  expect(now(chat).phase).toBe("missing");
  chat.send("Hello there");
  await until(() => server.turns.length === 1);
  expect(server.session).toEqual({ id: now(chat).id, title: "Hello there" });
  expect(now(chat).id).toMatch(/^ses_/);
});

test("a message too many is not taken, and those that are survive a reload", async () => {
  const server = new FakeServer().begin();
  const storage = new MemoryStorage();
  const before = await opened(server, { storage });
  server.down = true;
  for (let k = 0; k < OUTBOX_ENTRIES; k++) before.send(`message ${k}`);
  expect(before.send("one too many")).toBe(false);
  expect(before.outboxes.getState().get("s")?.count).toBe(OUTBOX_ENTRIES);
  before.close();
  const chat = chatOn(server, { storage });
  await chat.open("s");
  expect(texts(chat).filter(Boolean)).toEqual(Array.from({ length: OUTBOX_ENTRIES }, (_, k) => `message ${k}`));
});

test("it is shown that a reply was asked to stop", async () => {
  const server = new FakeServer().begin();
  const turn = server.ask("one", null);
  const chat = await opened(server);
  await until(() => now(chat).running === "r1");
  server.down = true;
  expect(now(chat).stopping).toBe(false);
  chat.stop();
  expect(now(chat).stopping).toBe(true);
  server.down = false;
  chat.connection.retryNow();
  await until(() => last(chat)?.status === "stopped");
  expect([now(chat).stopping, turn.turn.state]).toEqual([false, "stopped"]);
});

test("it is shown of a reply that the server does not know yet, too", async () => {
  const server = new FakeServer();
  server.down = true;
  const chat = chatOn(server);
  chat.send("Hi");
  chat.stop();
  expect(now(chat).stopping).toBe(true);
  server.down = false;
  chat.connection.retryNow();
  await until(() => last(chat)?.status === "stopped");
  expect(now(chat).stopping).toBe(false);
});

test("a hidden page stays for as long as something is queued", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  try {
    const server = new FakeServer().begin();
    const turn = server.ask("one", null);
    const chat = chatOn(server);
    await chat.open("s");
    await vi.advanceTimersByTimeAsync(1000);
    chat.send("two");
    chat.setVisible(false);
    await vi.advanceTimersByTimeAsync(30_000);
    expect(server.streams.size).toBe(1);
    turn.end();
    await vi.advanceTimersByTimeAsync(1000);
    expect(posted(server)).toEqual([{ text: "two", parent: "r1" }]);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(server.streams.size).toBe(0);
  } finally {
    vi.useRealTimers();
  }
});

describe("in a session that was left", () => {
  test("what was said offline is sent from a new conversation", async () => {
    const server = new FakeServer().begin();
    server.exchange("one", "first", null);
    const chat = await opened(server, { storage: new MemoryStorage() });
    server.down = true;
    chat.send("two");
    chat.startNew();
    expect(chat.outboxes.getState().get("s")).toMatchObject({ count: 1, refused: 0, title: null });
    server.down = false;
    await until(() => server.turns.length === 2);
    expect(posted(server).at(-1)).toEqual({ text: "two", parent: "r1" });
    await until(() => chat.outboxes.getState().size === 0);
    expect([now(chat).phase, shown(chat)]).toEqual(["new", []]);
  });

  test("it is so without any storage", async () => {
    const server = new FakeServer().begin();
    const chat = await opened(server);
    server.down = true;
    chat.send("two");
    chat.startNew();
    server.down = false;
    await until(() => server.turns.length === 1);
  });

  test("what waits for a reply waits for its end", async () => {
    const server = new FakeServer().begin();
    const turn = server.ask("one", null);
    const chat = await opened(server);
    await until(() => last(chat)?.id === "r1");
    chat.send("two");
    chat.startNew();
    await rest(600);
    expect(posted(server)).toEqual([]);
    turn.end();
    await until(() => posted(server).length === 1);
    expect(posted(server)).toEqual([{ text: "two", parent: "r1" }]);
  });

  test("a conversation begun offline is made by the next page, whichever that shows", async () => {
    const server = new FakeServer();
    const storage = new MemoryStorage();
    server.down = true;
    const before = chatOn(server, { storage });
    before.send("Hello there");
    const { id } = now(before);
    await rest(50);
    before.close();
    const told: string[] = [];
    const chat = chatOn(server, { storage, onSession: (session) => void told.push(session.id) });
    expect(chat.outboxes.getState().get(id ?? "")).toMatchObject({ count: 1, title: "Hello there" });
    server.down = false;
    await until(() => server.turns.length === 1);
    expect([server.session, told.includes(id ?? "")]).toEqual([{ id, title: "Hello there" }, true]);
    await until(() => storage.items.size === 0);
  });

  test("two tabs send it once", async () => {
    const server = new FakeServer().begin();
    const storage = new MemoryStorage();
    server.down = true;
    const before = chatOn(server, { storage });
    await before.open("s");
    before.send("Hi");
    before.close();
    server.down = false;
    chatOn(server, { storage });
    chatOn(server, { storage });
    await until(() => storage.items.size === 0);
    await rest(100);
    expect([server.turns.length, server.made("POST", "/messages").length]).toEqual([1, 1]);
  });

  test("it can be forgotten", async () => {
    const server = new FakeServer();
    server.down = true;
    const chat = chatOn(server);
    chat.send("Hi");
    const id = now(chat).id ?? "";
    chat.startNew();
    await rest(50);
    chat.dropUnsent(id);
    expect(chat.outboxes.getState().size).toBe(0);
    server.down = false;
    await rest(500);
    expect(server.session).toBeNull();
  });
});

describe("beside another tab", () => {
  const others = new EventTarget();
  /** What a browser tells the other tabs. */
  const told = (): boolean => others.dispatchEvent(new Event("storage"));
  const slow = (server: FakeServer): void => {
    server.instead = ({ method, path }) => (method === "POST" && path.endsWith("/messages") ? problem(429, "rate_limited", { retry_after: 60 }) : undefined);
  };
  const talk = (): FakeServer => {
    const server = new FakeServer().begin();
    server.exchange("one", "first", null);
    return server;
  };
  beforeEach(() => void vi.stubGlobal("addEventListener", others.addEventListener.bind(others)));
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  test("what that left behind is sent from the same conversation, and the branch shown stays", async () => {
    const server = talk();
    server.exchange("uno", "primero", null);
    const storage = new MemoryStorage();
    const chat = await opened(server, { storage });
    chat.show("r1");
    vi.useFakeTimers();
    const away = new FakeServer();
    away.down = true;
    const other = chatOn(away, { storage });
    void other.open("s");
    other.send("two");
    other.close();
    told();
    await vi.advanceTimersByTimeAsync(10_000);
    expect([posted(server), storage.items.size]).toEqual([[{ text: "two", parent: "r2" }], 0]);
    expect([texts(chat), now(chat).messages.get("p3")?.content]).toEqual([["one", "first"], "two"]);
  });

  test("what that is sending is left to it", async () => {
    const server = talk();
    const storage = new MemoryStorage();
    await opened(server, { storage });
    const other = await opened(server, { storage });
    other.send("two");
    told();
    vi.useFakeTimers();
    await vi.advanceTimersByTimeAsync(10_000);
    expect([posted(server).length, server.turns.length]).toEqual([1, 2]);
  });

  test.each<[string, (server: FakeServer, storage: MemoryStorage) => Promise<unknown>]>([
    ["from the same conversation", (server, storage) => opened(server, { storage })],
    ["from another page", (server, storage) => Promise.resolve(chatOn(server, { storage }))],
  ])("what was stopped there is not sent %s", async (_what, open) => {
    const server = talk();
    const storage = new MemoryStorage();
    slow(server);
    const chat = await opened(server, { storage });
    await open(server, storage);
    vi.useFakeTimers();
    chat.send("two");
    told();
    await vi.advanceTimersByTimeAsync(10_000);
    const sent = posted(server).length;
    chat.stop();
    await vi.advanceTimersByTimeAsync(10);
    expect([last(chat)?.status, chat.outboxes.getState().get("s")?.refused]).toEqual(["unsent", 1]);
    told();
    await vi.advanceTimersByTimeAsync(10);
    chat.discard(last(chat)?.id ?? "");
    server.instead = () => undefined;
    await vi.advanceTimersByTimeAsync(120_000);
    expect([sent, posted(server).length, server.turns.length]).toEqual([2, 2, 1]);
  });

  test("what was refused there before it was begun here is not begun", async () => {
    const server = talk();
    const turn = server.ask("two", "r1");
    const storage = new MemoryStorage();
    const chat = await opened(server, { storage });
    await until(() => last(chat)?.id === "r2");
    chat.send("three");
    const fault = { code: "invalid", message: "No." };
    const kept = JSON.parse(storage.getItem("outbox.s") ?? "[]") as object[];
    storage.setItem("outbox.s", JSON.stringify(kept.map((entry) => ({ ...entry, fault }))));
    told();
    turn.end();
    await until(() => now(chat).messages.get("r2")?.status === "complete");
    await rest(30);
    expect([posted(server), last(chat)?.status, last(chat)?.fault?.code]).toEqual([[], "unsent", "invalid"]);
  });

  test("what that was refused is decided on there", async () => {
    const server = talk();
    const storage = new MemoryStorage();
    const chat = await opened(server, { storage });
    const other = await opened(server, { storage });
    server.instead = ({ method }) => (method === "POST" ? problem(422, "invalid") : undefined);
    other.send("two");
    await until(() => last(other)?.status === "unsent");
    vi.useFakeTimers();
    told();
    await vi.advanceTimersByTimeAsync(10_000);
    expect([texts(chat), posted(server).length]).toEqual([["one", "first"], 1]);
  });
});

test("in a session that nobody looks at nothing waits for a frame", async () => {
  vi.stubGlobal("document", { visibilityState: "visible" });
  vi.stubGlobal("requestAnimationFrame", () => 0);
  vi.stubGlobal("cancelAnimationFrame", () => undefined);
  const server = new FakeServer().begin();
  const turn = server.ask("one", null);
  const chat = await opened(server);
  chat.send("two");
  chat.startNew();
  await until(() => server.followed.length > 1);
  turn.end();
  await until(() => posted(server).length === 1);
  vi.unstubAllGlobals();
});
