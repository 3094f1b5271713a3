// @vitest-environment node
import { describe, expect, test, vi } from "vitest";
import { OUTBOX_ENTRIES } from "../src/outbox.js";
import { chatOn, last, MemoryStorage, now, opened, shown, texts } from "./chats.js";
import { FakeServer, json, until } from "./fake_server.js";

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
