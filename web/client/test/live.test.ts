// @vitest-environment node
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { Api } from "../src/api.js";
import type { Chat } from "../src/chat.js";
import { newId } from "../src/ids.js";
import { chatWith, last, now, shown } from "./chats.js";
import { until } from "./fake_server.js";
import { House, LONG, programIsThere, QUICK } from "./real_server.js";

const house = new House();
const key = newId("key-");
const chatAt = (base: string): Chat => chatWith({ api: new Api({ base, key }) });
const ended = (chat: Chat): Promise<void> => until(() => ["complete", "stopped", "failed"].includes(last(chat)?.status ?? "") && last(chat)?.role === "assistant", 30_000);

/** All that is shown is what is stored, and all that is stored is there once. */
async function expectStored(chat: Chat): Promise<void> {
  const { messages } = await new Api({ base: house.base, key }).messages(now(chat).id ?? "", { limit: 200 });
  const known = [...now(chat).messages.values()];
  expect(known.map((message) => message.id).sort()).toEqual(messages.map((message) => message.id).sort());
  for (const stored of messages) {
    const here = now(chat).messages.get(stored.id);
    expect([here?.content, here?.status, here?.parentId, here?.turnId]).toEqual([stored.content, stored.status, stored.parent_id, stored.turn_id]);
  }
}

describe.skipIf(!programIsThere())("against the program", { timeout: 60_000 }, () => {
  beforeAll(() => house.open(), 30_000);
  afterEach(() => {
    house.cutAfter = null;
  });
  afterAll(() => house.close());

  test("a first message, its whole reply, and the session opened anew", async () => {
    const chat = chatAt(house.base);
    chat.send("EU shoe size 42 in UK sizes?", { bot: "sizebot" });
    await ended(chat);
    expect(last(chat)?.content).toMatch(/8/);
    await expectStored(chat);
    const other = chatAt(house.base);
    await other.open(now(chat).id ?? "");
    expect(shown(other).map((message) => message.content)).toEqual(shown(chat).map((message) => message.content));
    expect(now(other).title).toBe("EU shoe size 42 in UK sizes?");
  });

  test("replies are whole though every connection is cut, at any byte", async () => {
    const chat = chatAt(house.throughLine);
    for (let round = 0; round < 6; round++) {
      house.cutAfter = () => 300 + Math.floor(Math.random() * 2500);
      chat.send(`round ${round} of ${Math.random()}`, { model: QUICK });
      await ended(chat);
      house.cutAfter = null;
      await expectStored(chat);
    }
    expect(house.cuts).toBeGreaterThan(6);
    expect(shown(chat).some((message) => (message.figures?.resumed ?? 0) > 0)).toBe(true);
  });

  test("two who have one session open stay in step", async () => {
    const one = chatAt(house.base);
    one.send("first", { model: QUICK });
    await until(() => last(one)?.status === "streaming");
    const two = chatAt(house.base);
    await two.open(now(one).id ?? "");
    await until(() => last(two)?.status === "streaming");
    await Promise.all([ended(one), ended(two)]);
    two.send("second", { model: QUICK });
    await until(() => shown(one).length === 4);
    await Promise.all([ended(one), ended(two)]);
    one.edit(shown(one)[2]?.id ?? "", "second, in other words", { model: QUICK });
    await until(() => shown(two)[2]?.content === "second, in other words");
    await Promise.all([ended(one), ended(two)]);
    expect(now(two).path).toEqual(now(one).path);
    await expectStored(one);
    await expectStored(two);
  });

  test("a reply that is stopped keeps what there was of it", async () => {
    const chat = chatAt(house.base);
    chat.send("much", { model: LONG });
    await until(() => (last(chat)?.content.length ?? 0) > 50);
    chat.stop();
    await ended(chat);
    expect(last(chat)?.status).toBe("stopped");
    await expectStored(chat);
  });

  test("edited and answered anew, there are versions of both", async () => {
    const chat = chatAt(house.base);
    chat.send("one", { model: QUICK });
    await ended(chat);
    const [prompt, reply] = now(chat).path;
    chat.regenerate(reply ?? "");
    await ended(chat);
    expect(chat.versions(reply ?? "").ids).toEqual([reply, last(chat)?.id]);
    chat.edit(prompt ?? "", "uno", { model: QUICK });
    await ended(chat);
    expect(chat.versions(prompt ?? "")).toEqual({ ids: [prompt, now(chat).path[0]], at: 0 });
    chat.show(reply ?? "");
    expect(now(chat).path).toEqual([prompt, reply]);
    chat.send("two", { model: QUICK });
    await ended(chat);
    expect(now(chat).path.slice(0, 2)).toEqual([prompt, reply]);
    await expectStored(chat);
  });

  test("a reply goes on where it was when its server is killed in the middle of it", async () => {
    const chat = chatAt(house.base);
    chat.send("on and on", { model: LONG });
    await until(() => (last(chat)?.content.length ?? 0) > 200);
    const before = last(chat)?.content ?? "";
    await house.kill();
    await until(() => chat.connection.store.getState().status !== "connected");
    await house.serve();
    await ended(chat);
    expect(last(chat)?.status).toBe("complete");
    expect(last(chat)?.content.startsWith(before)).toBe(true);
    expect(last(chat)?.figures).toMatchObject({ resumed: 1, takenOver: 1, restarted: false });
    expect(chat.connection.store.getState().status).toBe("connected");
    await expectStored(chat);
  });

  test("sessions are found, renamed, put away, rated, exported, imported and deleted", async () => {
    const api = new Api({ base: house.base, key });
    const sessions: string[] = [];
    const chat = chatWith({ api, onSession: (session) => void sessions.push(session.title) });
    chat.send("the pelican question", { model: QUICK });
    await ended(chat);
    const id = now(chat).id ?? "";
    await chat.rename("Pelicans");
    expect([now(chat).title, sessions.at(-1)]).toEqual(["Pelicans", "Pelicans"]);
    await chat.rate(last(chat)?.id ?? "", "up");
    expect((await api.message(last(chat)?.id ?? "")).feedback?.rating).toBe("up");
    expect((await api.sessions({ q: "pelican" })).sessions.map((session) => session.id)).toContain(id);
    expect((await api.updateSession(id, { archived: true })).archived).toBe(true);
    expect((await api.sessions()).sessions.map((session) => session.id)).not.toContain(id);
    expect(await api.exportMarkdown(id)).toContain("the pelican question");
    const copy = await api.importSession(await api.exportSession(id));
    expect((await api.messages(copy.id)).messages.map((message) => message.content)).toEqual(shown(chat).map((message) => message.content));
    await api.deleteSession(id);
    await expect(api.session(id)).rejects.toMatchObject({ status: 404, code: "not_found" });
    expect((await api.pageSettings()).version).toMatch(/\d/);
  });

  test("figures of a reply are the reader's own, and of one that was not seen the server's", async () => {
    const chat = chatAt(house.base);
    chat.send("quickly", { model: QUICK });
    await ended(chat);
    const other = chatAt(house.base);
    await other.open(now(chat).id ?? "");
    for (const figures of [last(chat)?.figures, last(other)?.figures]) {
      expect(figures).toMatchObject({ resumed: 0, takenOver: 0, tokens: 60 });
      expect(figures?.firstTokenMs).toBeLessThan(figures?.totalMs ?? 0);
      expect(figures?.tokensPerSecond).toBeGreaterThan(5);
      expect(figures?.pod).toBe(last(chat)?.metadata.pod);
    }
  });

  test("what was sent to a server that is away is sent when it is back", async () => {
    const chat = chatAt(house.base);
    await house.kill();
    chat.send("are you there?", { model: QUICK });
    await until(() => chat.connection.store.getState().status === "offline", 10_000);
    await house.serve();
    await ended(chat);
    await expectStored(chat);
  });
});
