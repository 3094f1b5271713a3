// @vitest-environment node
import { afterEach, describe, expect, test, vi } from "vitest";
import { Api } from "../src/api.js";
import type { Change } from "../src/tabs.js";
import { chatOn, last, now, opened } from "./chats.js";
import { FakeServer, json, problem, until } from "./fake_server.js";

const talk = (): FakeServer => {
  const server = new FakeServer().begin();
  server.exchange("one", "first", null);
  return server;
};
const rating = (chat: Awaited<ReturnType<typeof opened>>, id = "r1"): string | undefined => now(chat).messages.get(id)?.feedback?.rating;

afterEach(() => void vi.unstubAllGlobals());

describe("what was changed in another tab", () => {
  test("is shown at once: a name, a rating, and that it is gone", async () => {
    const server = talk();
    const chat = await opened(server);
    const other = new Api({ fetch: server.fetch });
    await other.updateSession("s", { title: "Renamed" });
    await until(() => now(chat).title === "Renamed");
    await other.rate("r1", "down");
    await until(() => rating(chat) === "down");
    server.session = null;
    server.instead = ({ method }) => (method === "DELETE" ? json(200, {}) : undefined);
    await other.deleteSession("s");
    await until(() => now(chat).phase === "missing");
  });

  test("of another session or server asks nothing, nor does what is none", async () => {
    const server = talk();
    await opened(server);
    const asked = server.requests.length;
    const channel = new BroadcastChannel("antiphon.chat");
    for (const data of [{ server: "", session: "x", what: "rated" }, { server: "https://b.example", session: "s", what: "rated" }, null, "s", {}]) channel.postMessage(data);
    await new Promise((done) => setTimeout(done, 50));
    channel.close();
    expect(server.requests.length).toBe(asked);
  });

  test("is not heard of by oneself, nor after the last listener has gone", async () => {
    const server = talk();
    const api = new Api({ fetch: server.fetch });
    const heard: Change[] = [];
    const deaf = api.onChange((change) => heard.push(change));
    const other = new Api({ fetch: server.fetch });
    await api.updateSession("s", { title: "a" });
    await other.updateSession("s", { title: "b" });
    await until(() => heard.length > 0);
    deaf();
    await other.updateSession("s", { title: "c" });
    await new Promise((done) => setTimeout(done, 50));
    expect(heard).toEqual([{ server: "", session: "s", what: "renamed" }]);
  });

  test("changes nothing where a browser has no channel", async () => {
    vi.stubGlobal("BroadcastChannel", undefined);
    const chat = await opened(talk());
    await chat.rename("Still works");
    expect(now(chat).title).toBe("Still works");
  });
});

describe("what was changed on another device", () => {
  test("is shown when somebody goes on there", async () => {
    const server = talk();
    const chat = await opened(server);
    server.session = { id: "s", title: "Renamed" };
    server.ask("two", "r1");
    await until(() => now(chat).title === "Renamed");
  });

  test("is shown when the page is seen again, ratings too", async () => {
    const server = talk();
    const chat = await opened(server);
    chat.setVisible(false);
    server.session = { id: "s", title: "Renamed" };
    Object.assign(server.messages[1] ?? {}, { feedback: { rating: "up", comment: "", created_at: "2026-11-20T08:00:00Z" } });
    chat.setVisible(true);
    await until(() => now(chat).title === "Renamed" && rating(chat) === "up");
  });

  test("others' replies come while a message waits to be sent again", async () => {
    const server = talk();
    const chat = await opened(server);
    server.instead = ({ method, path }) => (method === "POST" && path.endsWith("/messages") ? problem(429, "rate_limited", { retry_after: 5 }) : undefined);
    chat.send("mine");
    await until(() => server.made("POST", "/messages").length === 1);
    server.ask("theirs", "r1").say("for them");
    await until(() => now(chat).messages.get("r2")?.content === "for them", 2000);
    expect(last(chat)?.status).toBe("waiting");
  });

  test("a reply that comes before a lost answer is not taken for another's", async () => {
    const server = talk();
    const chat = await opened(server);
    server.loses = ({ method, path }) => method === "POST" && path.endsWith("/messages") && server.made("POST", "/messages").length === 1;
    chat.send("mine");
    await until(() => server.turns.length === 2);
    await new Promise((done) => setTimeout(done, 100));
    expect(now(chat).messages.has("r2")).toBe(false);
    await until(() => now(chat).messages.has("r2"));
    expect(now(chat).messages.size).toBe(4);
  });
});

describe("ratings", () => {
  test("of several the last holds, one request at a time", async () => {
    const server = talk();
    let under = 0;
    let most = 0;
    server.instead = async ({ path, body }) => {
      if (!path.endsWith("/feedback")) return undefined as never;
      most = Math.max(most, ++under);
      await new Promise((done) => setTimeout(done, body.rating === "up" ? 80 : 10));
      under--;
      return undefined as never;
    };
    const chat = chatOn(server);
    await chat.open("s");
    const wishes = [chat.rate("r1", "up"), chat.rate("r1", "down"), chat.rate("r1", null), chat.rate("r1", "down")];
    expect(rating(chat)).toBe("down");
    await Promise.all(wishes);
    expect([rating(chat), server.messages[1]?.feedback?.rating, most, server.made("PUT", "/feedback").length]).toEqual(["down", "down", 1, 2]);
  });

  test("one that is refused gives way to what the server has", async () => {
    const server = talk();
    const chat = await opened(server);
    server.instead = ({ path, body }) => (path.endsWith("/feedback") && body.rating === "down" ? problem(422, "invalid") : undefined);
    const wishes = [chat.rate("r1", "up"), chat.rate("r1", "down")];
    const answers = await Promise.allSettled(wishes);
    expect([answers.map(({ status }) => status), rating(chat)]).toEqual([["rejected", "rejected"], "up"]);
  });
});
