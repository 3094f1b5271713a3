// @vitest-environment node
import { describe, expect, test, vi } from "vitest";
import { Api } from "../src/api.js";
import type { Chat } from "../src/chat.js";
import { chatOn, last, now, opened, shown, texts } from "./chats.js";
import { FakeServer, problem, until } from "./fake_server.js";

describe("sending", () => {
  test("shows the message at once, makes the session, and follows the reply to its end", async () => {
    const server = new FakeServer();
    const told: string[] = [];
    const chat = chatOn(server, { onSession: (session) => void told.push(`${session.title} ${session.turn_count}`) });
    chat.send("# Hello there\nand more");
    const [prompt, reply] = shown(chat);
    expect([prompt?.status, reply?.status, now(chat).running, now(chat).phase]).toEqual(["sending", "waiting", reply?.id, "ready"]);
    expect(now(chat).title).toBe("Hello there");
    await until(() => server.turns.length === 1);
    expect(server.session).toEqual({ id: now(chat).id, title: "Hello there" });
    expect(server.made("POST", "/messages")[0]?.body).toEqual({ text: "# Hello there\nand more", parent: null });
    server.turns[0]?.say("Good ");
    server.turns[0]?.say("day");
    await until(() => last(chat)?.content === "Good day");
    expect(last(chat)?.status).toBe("streaming");
    server.turns[0]?.end();
    await until(() => last(chat)?.status === "complete");
    expect(shown(chat).map((message) => [message.id, message.key])).toEqual([["p1", prompt?.key], ["r1", reply?.key]]);
    expect(now(chat).running).toBeNull();
    expect(told.at(-1)).toBe("Hello there 1");
  });

  test.each(["before", "after"])("adopts the turn when its events come %s the answer", async (order) => {
    const server = new FakeServer().begin();
    let answer = (): void => undefined;
    const held = new Promise<void>((done) => (answer = done));
    const api = new Api({
      fetch: async (url, init) => {
        const response = await server.fetch(url, init);
        if (order === "before" && init?.method === "POST") await held;
        return response;
      },
    });
    const chat = await opened(server, { api });
    chat.send("Hi");
    await until(() => server.turns.length === 1);
    server.turns[0]?.say("one ");
    server.turns[0]?.say("two");
    await new Promise((done) => setTimeout(done, 80));
    // Whose it is is not known yet: it is neither shown nor a version of what is sent.
    if (order === "before") expect([texts(chat), now(chat).messages.size]).toEqual([["Hi", ""], 2]);
    answer();
    await until(() => texts(chat)[1] === "one two");
    server.turns[0]?.end();
    await until(() => last(chat)?.status === "complete");
    expect(now(chat).messages.size).toBe(2);
  });

  test("repeats with one key until it is answered, and is stored once", async () => {
    const server = new FakeServer().begin();
    const chat = await opened(server);
    let tries = 0;
    server.instead = (request) => (request.path.endsWith("/messages") && request.method === "POST" && tries++ === 1 ? problem(503, "overloaded", { retry_after: 0 }) : undefined);
    server.loses = (request) => request.path.endsWith("/messages") && request.method === "POST" && tries === 1;
    chat.send("Hi");
    await until(() => last(chat)?.turnId === "t1");
    const sent = server.made("POST", "/messages");
    expect(sent.length).toBe(3);
    expect(new Set(sent.map((request) => request.headers.get("Idempotency-Key"))).size).toBe(1);
    expect([server.turns.length, now(chat).messages.size]).toEqual([1, 2]);
  });

  test("waits as long as the server asks to", async () => {
    const server = new FakeServer().begin();
    const chat = await opened(server);
    let refusals = 0;
    server.instead = (request) => (request.path.endsWith("/messages") && request.method === "POST" && refusals++ === 0 ? problem(429, "rate_limited", { retry_after: 0.6 }) : undefined);
    const began = performance.now();
    chat.send("Hi");
    await until(() => server.turns.length === 1);
    expect(performance.now() - began).toBeGreaterThan(590);
  });

  test("says what was refused, and sends it again or takes it back", async () => {
    const server = new FakeServer().begin();
    const chat = await opened(server);
    server.instead = (request) => (request.path.endsWith("/messages") && request.method === "POST" ? problem(413, "too_large") : undefined);
    chat.send("Hi");
    await until(() => last(chat)?.status === "unsent");
    expect([texts(chat), last(chat)?.fault?.code, now(chat).running]).toEqual([["Hi"], "too_large", null]);
    server.instead = () => undefined;
    chat.retry(last(chat)?.id ?? "");
    expect(shown(chat).map((message) => message.status)).toEqual(["sending", "waiting"]);
    await until(() => last(chat)?.turnId === "t1");
    server.turns[0]?.end();
    await until(() => last(chat)?.status === "complete");
    server.instead = (request) => (request.method === "POST" ? problem(422, "invalid") : undefined);
    chat.send("Again");
    await until(() => last(chat)?.status === "unsent");
    chat.discard(last(chat)?.id ?? "");
    expect(texts(chat)).toEqual(["Hi", ""]);
    expect(now(chat).messages.size).toBe(2);
  });

  test("sends what follows only when the reply before it has ended", async () => {
    const server = new FakeServer().begin();
    const chat = await opened(server);
    chat.send("one");
    chat.send("two");
    expect(texts(chat)).toEqual(["one", "", "two", ""]);
    await until(() => server.turns.length === 1);
    server.turns[0]?.say("first");
    await until(() => texts(chat)[1] === "first");
    expect(now(chat).running).toBe("r1");
    expect(server.made("POST", "/messages").length).toBe(1);
    server.turns[0]?.end();
    await until(() => server.turns.length === 2);
    expect(server.made("POST", "/messages")[1]?.body).toEqual({ text: "two", parent: "r1" });
    await until(() => last(chat)?.turnId === "t2");
    expect(shown(chat).map((message) => message.id)).toEqual(["p1", "r1", "p2", "r2"]);
  });

  test("what follows a refused message is not sent either, and goes with it", async () => {
    const server = new FakeServer().begin();
    const chat = await opened(server);
    server.instead = (request) => (request.method === "POST" ? problem(422, "invalid") : undefined);
    chat.send("one");
    chat.send("two");
    await until(() => last(chat)?.status === "unsent");
    expect(shown(chat).map((message) => message.fault?.code)).toEqual(["invalid", undefined, "not_sent"]);
    server.instead = () => undefined;
    chat.retry(shown(chat)[0]?.id ?? "");
    await until(() => server.turns.length === 1);
    server.turns[0]?.end();
    await until(() => now(chat).messages.get("r1")?.status === "complete");
    const two = [...now(chat).messages.values()].find((message) => message.content === "two");
    chat.retry(two?.id ?? "");
    await until(() => server.turns.length === 2);
    expect(server.messages.find((message) => message.content === "two")?.parent_id).toBe("r1");
  });

  test("stops a reply that the server does not know yet as soon as it does", async () => {
    const server = new FakeServer().begin();
    const chat = await opened(server);
    server.down = true;
    chat.send("Hi");
    chat.stop();
    await new Promise((done) => setTimeout(done, 50));
    server.down = false;
    await until(() => last(chat)?.status === "stopped");
    expect(server.made("POST", "/cancel").length).toBe(1);
  });

  test("holds at most 32 messages that wait", async () => {
    const server = new FakeServer().begin();
    const chat = await opened(server);
    server.down = true;
    const taken = Array.from({ length: 33 }, (_, k) => chat.send(`message ${k}`));
    expect([taken.indexOf(false), chat.edit(shown(chat)[0]?.id ?? "", "changed")]).toEqual([32, false]);
    expect(shown(chat).filter((message) => message.status === "sending").length).toBe(32);
    expect(texts(chat).filter(Boolean).at(-1)).toBe("message 31");
  });
});

test("opening what is open changes nothing", async () => {
  const server = new FakeServer();
  const chat = chatOn(server);
  chat.send("Hi");
  const { id } = now(chat);
  await chat.open(id ?? "");
  expect(texts(chat)).toEqual(["Hi", ""]);
  await until(() => server.turns.length === 1);
  expect(server.made("POST", "/messages").length).toBe(1);
});

test("publishes once a frame where frames are drawn, and at once when the page hides", async () => {
  const frames: FrameRequestCallback[] = [];
  vi.stubGlobal("document", { visibilityState: "visible" });
  vi.stubGlobal("requestAnimationFrame", (callback: FrameRequestCallback) => frames.push(callback));
  vi.stubGlobal("cancelAnimationFrame", () => undefined);
  const server = new FakeServer().begin();
  const chat = await opened(server);
  const turn = server.ask("one", null);
  await until(() => frames.length > 0);
  frames.splice(0).forEach((draw) => draw(0));
  const published = vi.fn();
  chat.store.subscribe(published);
  for (let k = 0; k < 100; k++) turn.say("x");
  await until(() => frames.length > 0);
  await new Promise((done) => setTimeout(done, 100));
  expect([frames.length, published.mock.calls.length]).toEqual([1, 0]);
  frames.splice(0).forEach((draw) => draw(0));
  expect([published.mock.calls.length, last(chat)?.content]).toEqual([1, "x".repeat(100)]);
  turn.say("y");
  await until(() => frames.length > 0);
  chat.setVisible(false);
  expect(last(chat)?.content.endsWith("y")).toBe(true);
  vi.unstubAllGlobals();
});

describe("versions", () => {
  test("an edited message and a reply made again are versions to walk between", async () => {
    const server = new FakeServer().begin();
    server.exchange("one", "first", null);
    const chat = await opened(server);
    chat.regenerate("r1");
    await until(() => server.turns.length === 2);
    server.turns[1]?.say("other");
    server.turns[1]?.end();
    await until(() => last(chat)?.id === "r2" && last(chat)?.status === "complete");
    expect(chat.versions("r2")).toEqual({ ids: ["r1", "r2"], at: 1 });
    chat.edit("p1", "uno", { bot: "echo" });
    await until(() => server.turns.length === 3);
    expect(server.made("POST", "/messages").at(-1)?.body).toEqual({ text: "uno", parent: null, bot: "echo" });
    server.turns[2]?.end();
    await until(() => last(chat)?.status === "complete");
    expect(chat.versions("p3")).toEqual({ ids: ["p1", "p3"], at: 1 });
    chat.show("p1");
    expect(now(chat).path).toEqual(["p1", "r2"]);
    chat.show("r1");
    expect(now(chat).path).toEqual(["p1", "r1"]);
  });

  test("another model is asked by regenerating, another bot by a version of the message", async () => {
    const server = new FakeServer().begin();
    server.exchange("one", "first", null);
    const chat = await opened(server);
    chat.regenerate("r1", { model: "other/model" });
    await until(() => server.turns.length === 2);
    expect(server.made("POST", "/regenerate")[0]?.query.get("model")).toBe("other/model");
    server.turns[1]?.end();
    await until(() => last(chat)?.id === "r2" && last(chat)?.status === "complete");
    chat.regenerate("r2", { bot: "sizebot" });
    await until(() => server.turns.length === 3);
    expect(server.made("POST", "/messages")[0]?.body).toEqual({ text: "one", parent: null, bot: "sizebot" });
  });

  test("a refused regeneration shows why, and is tried again", async () => {
    const server = new FakeServer().begin();
    server.exchange("one", "first", null);
    const chat = await opened(server);
    server.instead = (request) => (request.path.endsWith("/regenerate") ? problem(422, "invalid") : undefined);
    chat.regenerate("r1");
    await until(() => last(chat)?.status === "failed");
    expect(last(chat)?.fault?.code).toBe("invalid");
    server.instead = () => undefined;
    chat.retry(last(chat)?.id ?? "");
    await until(() => last(chat)?.id === "r2");
    server.turns[1]?.end("failed", { error: { code: "provider_timeout", message: "Too slow." } });
    await until(() => last(chat)?.fault?.code === "provider_timeout");
    chat.retry("r2");
    await until(() => server.turns.length === 3);
    expect(chat.versions("r1").ids.length).toBe(3);
  });
});

describe("trying again with another", () => {
  const failing = async (): Promise<[FakeServer, Chat]> => {
    const server = new FakeServer().begin();
    const turn = server.ask("one", null);
    turn.end("failed", { error: { code: "provider_refused", message: "No." } });
    return [server, await opened(server)];
  };

  test.each([
    ["model", { model: "other/model" }, "other/model"],
    ["model that failed", { model: "builtin/echo" }, null],
    ["bot that failed", { bot: "echo" }, null],
  ])("the %s answers the same message", async (_, choice, model) => {
    const [server, chat] = await failing();
    chat.retry("r1", choice);
    await until(() => server.turns.length === 2);
    expect([server.made("POST", "/regenerate")[0]?.query.get("model"), server.made("POST", "/messages").length]).toEqual([model, 0]);
    expect(chat.versions("r1").ids.length).toBe(2);
  });

  test("another bot gets a version of the message", async () => {
    const [server, chat] = await failing();
    chat.retry("r1", { bot: "sizebot" });
    await until(() => server.turns.length === 2);
    expect(server.made("POST", "/messages")[0]?.body).toEqual({ text: "one", parent: null, bot: "sizebot" });
  });

  test("what was refused goes to them, and to nobody chosen before", async () => {
    const server = new FakeServer().begin();
    const chat = await opened(server);
    server.instead = (request) => (request.method === "POST" ? problem(422, "invalid") : undefined);
    chat.send("Hi", { model: "gone/model" });
    await until(() => last(chat)?.status === "unsent");
    server.instead = () => undefined;
    chat.retry(last(chat)?.id ?? "", { bot: "sizebot" });
    await until(() => server.turns.length === 1);
    expect(server.made("POST", "/messages").at(-1)?.body).toEqual({ text: "Hi", parent: null, bot: "sizebot" });
    server.turns[0]?.end();
    await until(() => last(chat)?.status === "complete");
    server.instead = (request) => (request.method === "POST" ? problem(422, "invalid") : undefined);
    chat.regenerate("r1", { model: "gone/model" });
    await until(() => last(chat)?.status === "failed");
    server.instead = () => undefined;
    chat.retry(last(chat)?.id ?? "", { model: "other/model" });
    await until(() => server.turns.length === 2);
    expect(server.made("POST", "/regenerate").at(-1)?.query.get("model")).toBe("other/model");
  });
});

describe("what the reader is told", () => {
  test("figures count from sending, and seams, resets and comings back", async () => {
    const server = new FakeServer().begin();
    const chat = await opened(server);
    chat.send("Hi");
    await until(() => server.turns.length === 1);
    const [turn] = server.turns;
    turn?.say("void");
    await until(() => last(chat)?.content === "void");
    server.cut();
    turn?.reset();
    turn?.say("whole");
    turn?.end("complete", { seams: [{ chunk: 1, epoch: 2, how: "restarted" }], pod: "pod-2", cached: true });
    await until(() => last(chat)?.status === "complete");
    const { figures, content } = last(chat) ?? {};
    expect(content).toBe("whole");
    expect(figures).toMatchObject({ resumed: 1, takenOver: 1, restarted: true, cached: true, pod: "pod-2", tokens: 7, model: "builtin/echo" });
    expect(figures?.firstTokenMs).toBeGreaterThan(0);
    expect(figures?.totalMs).toBeGreaterThan(figures?.firstTokenMs ?? 0);
    expect(figures?.tokensPerSecond).toBeCloseTo(6000 / ((figures?.totalMs ?? 0) - (figures?.firstTokenMs ?? 0)), 5);
  });

  test("a rating is shown at once and taken back if it is refused", async () => {
    const server = new FakeServer().begin();
    server.exchange("one", "first", null);
    const chat = await opened(server);
    server.instead = (request) => (request.path.endsWith("/feedback") ? problem(404, "not_found") : undefined);
    const rated = chat.rate("r1", "up");
    expect(now(chat).messages.get("r1")?.feedback?.rating).toBe("up");
    await expect(rated).rejects.toMatchObject({ status: 404 });
    expect(now(chat).messages.get("r1")?.feedback).toBeNull();
  });

  test("only what changed changes its identity", async () => {
    const server = new FakeServer().begin();
    server.exchange("one", "first", null);
    const turn = server.ask("two", "r1");
    const chat = await opened(server);
    await until(() => now(chat).path.length === 4);
    const before = now(chat);
    turn.say("more");
    await until(() => last(chat)?.content === "more");
    expect(now(chat).path).toBe(before.path);
    for (const id of ["p1", "r1", "p2"]) expect(now(chat).messages.get(id)).toBe(before.messages.get(id));
    expect(now(chat).messages.get("r2")).not.toBe(before.messages.get("r2"));
    expect(before.messages.get("r2")?.content).toBe("");
  });
});
