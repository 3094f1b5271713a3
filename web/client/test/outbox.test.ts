// @vitest-environment node
import { describe, expect, test } from "vitest";
import { Outbox, OUTBOX_ENTRIES, type OutboxEntry, OutboxShelf } from "../src/outbox.js";
import { chatOn, last, MemoryStorage, now, opened, shown, texts } from "./chats.js";
import { FakeServer, problem, until } from "./fake_server.js";

const entry = (key: string): OutboxEntry => ({ key, kind: "message", text: key, parent: null, promptId: `local-${key}`, replyId: `local-r${key}`, createdAt: 0 });

describe("what is kept", () => {
  test("tabs that share the storage keep each other's entries", () => {
    const storage = new MemoryStorage();
    const [one, other] = [new Outbox(new OutboxShelf(storage), "s"), new Outbox(new OutboxShelf(storage), "s")];
    one.put(entry("a"));
    other.put(entry("b"));
    one.put({ ...entry("a"), text: "changed" });
    expect(other.entries().map(({ text }) => text)).toEqual(["changed", "b"]);
    one.remove("a");
    other.remove("b");
    expect([...storage.items.keys()]).toEqual([]);
  });

  test("what is no outbox is none, and what is too long is cut", () => {
    const storage = new MemoryStorage();
    const outbox = new Outbox(new OutboxShelf(storage), "s");
    for (const stored of ["", "{", "null", '"x"', '[1, null, {"key": "a"}]']) {
      storage.items.set("outbox.s", stored);
      expect(outbox.entries()).toEqual([]);
    }
    storage.items.set("outbox.s", JSON.stringify(Array.from({ length: 99 }, (_, k) => entry(String(k)))));
    expect(outbox.entries().length).toBe(OUTBOX_ENTRIES);
  });

  test("storage that is full or switched off loses nothing but the reload", async () => {
    const refuse = (): never => {
      throw new DOMException("no", "QuotaExceededError");
    };
    const server = new FakeServer().begin();
    const chat = await opened(server, { storage: { getItem: refuse, setItem: refuse, removeItem: refuse } });
    chat.send("Hi");
    await until(() => last(chat)?.turnId === "t1");
  });
});

describe("after a reload", () => {
  test("what was sent and never arrived is sent with its key", async () => {
    const server = new FakeServer().begin();
    const storage = new MemoryStorage();
    const before = await opened(server, { storage });
    server.down = true;
    before.send("Hi");
    await until(() => server.made("POST", "/messages").length > 0);
    before.close();
    server.down = false;
    const chat = await opened(server, { storage });
    await until(() => last(chat)?.turnId === "t1");
    const keys = server.made("POST", "/messages").map((request) => request.headers.get("Idempotency-Key"));
    expect(new Set(keys).size).toBe(1);
    expect([server.turns.length, storage.items.size]).toEqual([1, 0]);
  });

  test("what did arrive is not shown twice, not even for a moment", async () => {
    const server = new FakeServer().begin();
    const storage = new MemoryStorage();
    const before = await opened(server, { storage });
    server.loses = (request) => request.method === "POST";
    before.send("Hi");
    await until(() => server.turns.length === 1);
    before.close();
    server.loses = () => false;
    const chat = chatOn(server, { storage });
    const most = { shown: 0, versions: 0 };
    chat.store.subscribe((state) => {
      most.shown = Math.max(most.shown, state.messages.size);
      most.versions = Math.max(most.versions, chat.versions("p1").ids.length);
    });
    await chat.open("s");
    await until(() => storage.items.size === 0);
    server.turns[0]?.say("Good day");
    await until(() => texts(chat).join() === "Hi,Good day");
    expect([most, server.turns.length]).toEqual([{ shown: 2, versions: 1 }, 1]);
  });

  test("a session that was never made is made", async () => {
    const server = new FakeServer();
    const storage = new MemoryStorage();
    server.down = true;
    const before = chatOn(server, { storage });
    before.send("Hi");
    const { id } = now(before);
    before.send("And");
    await new Promise((done) => setTimeout(done, 50));
    before.close();
    server.down = false;
    const chat = chatOn(server, { storage });
    await chat.open(id ?? "");
    expect([now(chat).phase, now(chat).title, texts(chat)]).toEqual(["ready", "Hi", ["Hi", "", "And", ""]]);
    await until(() => server.turns.length === 1);
    expect(server.session).toEqual({ id, title: "Hi" });
    server.turns[0]?.end();
    await until(() => server.turns.length === 2);
    expect(server.messages.at(-1)?.parent_id).toBe("r1");
  });

  test("a session that was never made is shown while the server is away, and made when it is back", async () => {
    const server = new FakeServer();
    const storage = new MemoryStorage();
    server.down = true;
    const before = chatOn(server, { storage });
    before.send("Hi");
    before.close();
    const chat = chatOn(server, { storage });
    await chat.open(now(before).id ?? "");
    expect([now(chat).phase, texts(chat)]).toEqual(["ready", ["Hi", ""]]);
    server.down = false;
    chat.connection.retryNow();
    await until(() => last(chat)?.turnId === "t1");
    server.turns[0]?.say("Good day");
    await until(() => texts(chat).join() === "Hi,Good day");
    expect([server.session?.title, storage.items.size]).toEqual(["Hi", 0]);
  });

  test("what was to be sent in a session that is gone is kept, and is sent in a new one", async () => {
    const server = new FakeServer().begin();
    const storage = new MemoryStorage();
    const before = await opened(server, { storage });
    server.down = true;
    before.send("Hi", { bot: "sizebot" });
    before.send("And");
    before.close();
    server.down = false;
    server.session = null;
    const chat = chatOn(server, { storage });
    await chat.open("s");
    expect([now(chat).phase, texts(chat), now(chat).running]).toEqual(["missing", ["Hi", "", "And"], null]);
    expect(shown(chat).map((message) => message.status)).toEqual(["unsent", "unsent", "unsent"]);
    expect(chat.outboxes.getState().get("s")).toMatchObject({ count: 0, refused: 2, title: null });
    chat.retry(shown(chat)[0]?.id ?? "");
    await until(() => server.turns.length === 1);
    expect([server.session, now(chat).id === "s", texts(chat)]).toEqual([{ id: now(chat).id, title: "Hi" }, false, ["Hi", "", "And", ""]]);
    expect(server.made("POST", "/messages").at(-1)?.body).toMatchObject({ text: "Hi", bot: "sizebot", parent: null });
    server.turns[0]?.end();
    await until(() => server.turns.length === 2 && storage.items.size === 0);
  });

  test("what is refused because the session is gone is kept until it is taken back", async () => {
    const server = new FakeServer().begin();
    const storage = new MemoryStorage();
    const chat = await opened(server, { storage });
    server.session = null;
    chat.send("one");
    chat.send("two");
    await until(() => now(chat).phase === "missing");
    await until(() => chat.outboxes.getState().get("s")?.refused === 2);
    expect([texts(chat).filter(Boolean), now(chat).running]).toEqual([["one", "two"], null]);
    chat.discard(last(chat)?.id ?? "");
    chat.discard(shown(chat)[0]?.id ?? "");
    expect(storage.items.size).toBe(0);
  });

  test("a session that was made and then deleted is not made once more", async () => {
    const server = new FakeServer();
    const storage = new MemoryStorage();
    const before = chatOn(server, { storage });
    server.instead = (request) => (request.path.endsWith("/messages") ? problem(503, "overloaded") : undefined);
    before.send("Hi");
    const { id } = now(before);
    before.send("And");
    await until(() => server.made("POST", "/messages").length > 0);
    before.close();
    expect(storage.items.size).toBe(1);
    server.instead = () => undefined;
    server.session = null;
    const chat = chatOn(server, { storage });
    await chat.open(id ?? "");
    expect([now(chat).phase, texts(chat), server.made("POST", "/sessions").length]).toEqual(["missing", ["Hi", "", "And"], 1]);
  });

  test("what was refused is still there to be sent again or taken back", async () => {
    const server = new FakeServer().begin();
    const storage = new MemoryStorage();
    const before = await opened(server, { storage });
    server.instead = (request) => (request.method === "POST" ? problem(413, "too_large") : undefined);
    before.send("Hi");
    await until(() => last(before)?.status === "unsent");
    before.close();
    const chat = await opened(server, { storage });
    expect([texts(chat), last(chat)?.status, last(chat)?.fault?.code]).toEqual([["Hi"], "unsent", "too_large"]);
    chat.discard(last(chat)?.id ?? "");
    expect([shown(chat).length, storage.items.size]).toEqual([0, 0]);
  });
});
