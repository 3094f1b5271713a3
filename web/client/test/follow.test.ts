// @vitest-environment node
import { describe, expect, test, vi } from "vitest";
import type { Chat } from "../src/chat.js";
import { chatOn, last, now, opened, shown, texts } from "./chats.js";
import { FakeServer, type FakeTurn, json, problem, until } from "./fake_server.js";

const talk = (): FakeServer => {
  const server = new FakeServer().begin();
  server.exchange("one", "first", null);
  return server;
};

/** A conversation that is open and followed. */
async function following(): Promise<{ server: FakeServer; chat: Chat }> {
  const server = talk();
  return { server, chat: await opened(server) };
}

/** One in which a reply is under way, of which so much is shown. */
async function underWay(said = "a"): Promise<{ server: FakeServer; chat: Chat; turn: FakeTurn }> {
  const { server, chat } = await following();
  const turn = server.ask("two", "r1");
  turn.say(said);
  await until(() => last(chat)?.content === said);
  return { server, chat, turn };
}

/** The connection breaks, and the cursor is good no more when it is made again. */
function expire(server: FakeServer, instead: FakeServer["instead"] = () => undefined): void {
  let refusals = 0;
  server.instead = (request) => (request.path.endsWith("/events") && refusals++ === 0 ? problem(410, "cursor_expired") : instead(request));
  server.cut();
}

describe("following", () => {
  test("begins behind what was read, with the replies under way from their first chunk", async () => {
    const server = talk();
    const turn = server.ask("two", "r1");
    turn.say("so ");
    const chat = await opened(server);
    expect(server.followed[0]?.cursor).toBe("3.0,2.0");
    turn.say("far");
    await until(() => texts(chat).join() === "one,first,two,so far");
    expect(last(chat)?.status).toBe("streaming");
  });

  test("comes back with the cursor of the last event, and drops what it had", async () => {
    const { server, chat } = await following();
    const turn = server.ask("two", "r1");
    for (const text of ["a", "b", "c"]) turn.say(text);
    await until(() => last(chat)?.content === "abc");
    server.cut();
    await until(() => server.followed.length === 2);
    expect(server.followed[1]?.cursor).toBe("2.3");
    server.followed[1]?.send(turn.event(1) + turn.event(2));
    turn.say("d");
    turn.end();
    await until(() => last(chat)?.status === "complete");
    expect([last(chat)?.content, last(chat)?.figures?.resumed]).toEqual(["abcd", 1]);
  });

  test("a gap is not passed over", async () => {
    const { server, chat, turn } = await underWay();
    turn.chunks.push({ type: "content", text: "b" });
    turn.say("c");
    turn.end();
    await until(() => last(chat)?.status === "complete");
    expect(last(chat)?.content).toBe("abc");
    expect(server.followed[1]?.cursor).toBe("2.1");
  });

  test.each(["null", '{"type":"content","turn":1,"seq":0,"text":null'])("is not ended by an event that is none: %s", async (data) => {
    const warn = vi.spyOn(console, "warn").mockReturnValue();
    const { server, chat } = await following();
    server.followed[0]?.send(`data: ${data}\n\n`);
    await until(() => chat.connection.store.getState().status === "resuming");
    await until(() => server.followed.length > 1);
    const turn = server.ask("two", "r1");
    turn.say("still here");
    await until(() => last(chat)?.content === "still here");
    expect(chat.connection.store.getState().status).toBe("connected");
    warn.mockRestore();
  });

  test("a gap that stays has the messages read anew", async () => {
    const { server, chat, turn } = await underWay();
    const reads = server.made("GET", "/s").length;
    for (let k = 0; k < 2; k++) {
      const followed = server.followed.length;
      server.followed.at(-1)?.send('id: 2.9\ndata: {"type":"content","turn":2,"seq":8,"text":"x"}\n\n');
      await until(() => server.followed.length > followed);
    }
    expect(server.made("GET", "/s").length).toBe(reads + 1);
    expect(server.followed.at(-1)?.cursor).toBe("3.0,2.0");
    turn.say("b");
    await until(() => last(chat)?.content === "ab");
  });

  test("so does one beside which another reply goes on, and it is come back to ever later", async () => {
    const { server, chat, turn: gone } = await underWay();
    const other = server.ask("three", null);
    const reads = server.made("GET", "/s").length;
    const states: string[] = [];
    chat.connection.store.subscribe(({ status }) => states.push(status));
    for (let k = 0; !states.includes("offline"); k++) {
      const { length } = server.followed;
      other.say(String(k % 10));
      server.followed.at(-1)?.send('id: 2.9,3.0\ndata: {"type":"content","turn":2,"seq":8,"text":"x"}\n\n');
      await until(() => server.followed.length > length);
    }
    expect(server.made("GET", "/s").length).toBeGreaterThan(reads);
    gone.say("b");
    await until(() => now(chat).messages.get("r2")?.content === "ab" && now(chat).messages.get("r3")?.content === other.content);
    expect(chat.connection.store.getState().status).toBe("connected");
  });

  test("a cursor that is good no more has the messages read anew, whatever came meanwhile", async () => {
    const { server, chat, turn } = await underWay("some");
    expire(server);
    turn.say("thing");
    turn.end();
    const next = server.ask("three", "r2");
    next.say("third");
    await until(() => texts(chat).join() === "one,first,two,something,three,third");
    expect(now(chat).messages.get("r2")?.status).toBe("complete");
  });

  test("also where more came meanwhile than is read at once", async () => {
    const { server, chat, turn } = await underWay("some");
    expire(server);
    turn.say("thing");
    turn.end();
    for (let k = 3; k <= 80; k++) server.exchange(`${k}`, `re ${k}`, `r${k - 1}`);
    await until(() => now(chat).path.length === 160);
    expect([texts(chat)[3], now(chat).messages.get("r2")?.status, last(chat)?.content]).toEqual(["something", "complete", "re 80"]);
  });

  test("and a reply that ended unseen on a branch of its own is whole", async () => {
    const { server, chat, turn } = await underWay("some");
    server.ask("uno", null);
    await until(() => chat.versions("p1").ids.length === 2);
    // Its place in the pages is far back: only by its own id is it found.
    expire(server, (request) => (request.path.endsWith("/s/messages") ? json(200, { messages: [], next_before: null }) : undefined));
    turn.end();
    await until(() => now(chat).messages.get("r2")?.status === "complete");
    expect(server.made("GET", "/messages/r2").length).toBe(1);
  });

  test("a pod that leaves is left, and the reply goes on elsewhere", async () => {
    const { server, chat, turn } = await underWay();
    server.followed[0]?.send('event: resume\ndata: {"type":"resume"}\n\n');
    await until(() => server.followed.length === 2);
    expect(server.followed[0]?.open).toBe(false);
    turn.say("b");
    await until(() => last(chat)?.content === "ab");
    expect(chat.connection.store.getState().status).toBe("connected");
  });

  test("a session that is deleted while it is followed is missing", async () => {
    const { server, chat } = await following();
    server.instead = (request) => (request.path.includes("/sessions/s") && !request.path.endsWith("/events") ? problem(404, "not_found") : undefined);
    server.followed[0]?.send('id: 1.0\nevent: connected\ndata: {"type":"connected"}\n\nevent: resume\ndata: {"type":"resume"}\n\n');
    await until(() => now(chat).phase === "missing");
    expect(server.followed.length).toBe(1);
  });

  test("what a reset voids is gone", async () => {
    const { server, chat } = await following();
    const turn = server.ask("two", "r1");
    turn.say("thought", "reasoning");
    turn.say("wrong");
    await until(() => last(chat)?.content === "wrong" && last(chat)?.reasoning === "thought");
    turn.reset();
    await until(() => last(chat)?.content === "" && last(chat)?.reasoning === "");
    expect(last(chat)?.status).toBe("waiting");
    turn.say("right");
    await until(() => last(chat)?.content === "right");
  });

  test("a failed reply says why", async () => {
    const { server, chat } = await following();
    const turn = server.ask("two", "r1");
    turn.say("half");
    turn.end("failed", { error: { code: "provider_timeout", message: "Too slow." } });
    await until(() => last(chat)?.status === "failed");
    expect([last(chat)?.content, last(chat)?.fault?.code]).toEqual(["half", "provider_timeout"]);
  });
});

test("a proxy that knows no server for a while is no server that knows no session", async () => {
  const { server, chat } = await following();
  let wrong = 0;
  server.instead = () => (wrong++ < 2 ? new Response("<html>404", { status: 404 }) : undefined);
  server.cut();
  await until(() => server.followed.length === 2);
  expect(now(chat).phase).toBe("ready");
  server.session = null;
  server.cut();
  await until(() => now(chat).phase === "missing");
  expect(chat.connection.store.getState().status).toBe("connected");
});

describe("others in the same session", () => {
  test("what follows the end of the branch shown is shown", async () => {
    const { server, chat } = await following();
    server.ask("two", "r1").say("second");
    await until(() => texts(chat).join() === "one,first,two,second");
    expect(server.made("GET", "/p2").length).toBe(1);
  });

  test.each([
    ["a new version of the last message", null, undefined, ["p2", "r2"]],
    ["a new reply to it", null, "p1", ["p1", "r2"]],
  ])("%s is shown when nothing of one's own is under way", async (_what, parent, prompt, path) => {
    const { server, chat } = await following();
    server.ask(prompt ? null : "uno", parent, prompt).say("other");
    await until(() => now(chat).path.join() === path.join());
    chat.show("r1");
    expect(now(chat).path).toEqual(["p1", "r1"]);
  });

  test("nothing moves while a reply of one's own is under way: there is a version more", async () => {
    const { server, chat } = await following();
    chat.send("two");
    await until(() => last(chat)?.id === "r2");
    server.ask("zwei", "r1").say("other");
    await until(() => chat.versions("p2").ids.join() === "p2,p3");
    await new Promise((done) => setTimeout(done, 60));
    expect(now(chat).path).toEqual(["p1", "r1", "p2", "r2"]);
  });

  test("a reply on another branch only counts", async () => {
    const server = talk();
    server.exchange("two", "second", "r1");
    const chat = await opened(server);
    server.ask("uno", null).say("other");
    await until(() => chat.versions("p1").ids.length === 2);
    await new Promise((done) => setTimeout(done, 60));
    expect(now(chat).path).toEqual(["p1", "r1", "p2", "r2"]);
  });

  test("a session that was deleted or renamed elsewhere is found so when the page is seen again", async () => {
    const { server, chat } = await following();
    chat.setVisible(false);
    server.session = { id: "s", title: "Another name" };
    chat.setVisible(true);
    await until(() => now(chat).title === "Another name");
    chat.setVisible(false);
    server.session = null;
    chat.setVisible(true);
    await until(() => now(chat).phase === "missing");
    expect(texts(chat)).toEqual(["one", "first"]);
  });
});

test("a hidden page lets go of its connection after 10 s, and resumes when it is seen", async () => {
  const { server, chat, turn } = await underWay();
  vi.useFakeTimers();
  chat.setVisible(false);
  vi.advanceTimersByTime(9_000);
  chat.setVisible(true);
  vi.advanceTimersByTime(20_000);
  chat.setVisible(false);
  vi.advanceTimersByTime(9_900);
  expect(server.streams.size).toBe(1);
  vi.advanceTimersByTime(200);
  vi.useRealTimers();
  expect(server.streams.size).toBe(0);
  expect(chat.connection.store.getState().status).toBe("connected");
  turn.say("b");
  turn.end();
  await new Promise((done) => setTimeout(done, 400));
  expect(server.followed.length).toBe(1);
  chat.setVisible(true);
  await until(() => last(chat)?.status === "complete");
  expect([last(chat)?.content, server.followed[1]?.cursor]).toEqual(["ab", "2.1"]);
});

test("what was left is neither followed nor published", async () => {
  const { server, chat } = await following();
  const turn = server.ask("two", "r1");
  turn.say("a");
  chat.startNew();
  expect([now(chat).phase, now(chat).path, now(chat).id]).toEqual(["new", [], null]);
  await until(() => server.streams.size === 0);
  turn.say("b");
  await new Promise((done) => setTimeout(done, 80));
  expect(now(chat).messages.size).toBe(0);
});

test("a server that goes and comes back: resuming, offline, connected", async () => {
  const server = talk();
  const chat = chatOn(server);
  await chat.open("s");
  const states: string[] = [];
  chat.connection.store.subscribe(({ status }) => states.at(-1) !== status && states.push(status));
  await until(() => server.streams.size === 1);
  server.down = true;
  server.cut();
  await until(() => states.at(-1) === "offline");
  expect(chat.connection.store.getState().retryAt).not.toBeUndefined();
  server.down = false;
  chat.connection.retryNow();
  await until(() => states.at(-1) === "connected");
  expect(states).toEqual(["resuming", "offline", "connected"]);
  expect(shown(chat).length).toBe(2);
});
