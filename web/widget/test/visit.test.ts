import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Visit, type VisitOptions } from "../src/visit.js";

const SERVER = "https://chat.example";
const PREFIX = `antiphon:${SERVER}:sizebot:`;
let asked: string[];
let events: string[];
const visits: Visit[] = [];

/** A server that knows its bots, and else does not answer: what is tested here has to stand by itself. */
function answer(input: RequestInfo | URL): Promise<Response> {
  const url = input instanceof Request ? input.url : String(input);
  asked.push(url.slice(SERVER.length));
  if (!url.endsWith("/api/bots")) return new Promise(() => undefined);
  const bot = { name: "sizebot", title: "SizeBot", greeting: "Ask me.", model: "builtin/sizebot" };
  return Promise.resolve(Response.json({ bots: [bot], default: "sizebot" }));
}

function visit(options: Partial<VisitOptions> = {}): Visit {
  const made = new Visit({ server: SERVER, bot: "sizebot", open: false, covering: false, emit: (name) => events.push(name), ...options });
  visits.push(made);
  return made;
}

const viewOf = (options: Partial<VisitOptions> = {}) => visit(options).state.getState().view;
const otherTab = (key: string, newValue: string | null) => window.dispatchEvent(new StorageEvent("storage", { key: PREFIX + key, newValue }));

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("fetch", vi.fn(answer));
  localStorage.clear();
  sessionStorage.clear();
  asked = [];
  events = [];
});
afterEach(() => {
  for (const each of visits.splice(0)) each.destroy();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("before it is opened", () => {
  it("asks nothing and keeps nothing", () => {
    const { chat, view } = visit().state.getState();
    expect([chat, view]).toEqual([null, "closed"]);
    expect(asked).toEqual([]);
    expect(localStorage.length + sessionStorage.length).toBe(0);
  });

  it("greets after a moment, once a visitor", () => {
    const { state } = visit();
    vi.advanceTimersByTime(3999);
    expect(state.getState().greeted).toBe(false);
    vi.advanceTimersByTime(1);
    expect(state.getState().greeted).toBe(true);
    const next = visit();
    vi.advanceTimersByTime(10_000);
    expect(next.state.getState().greeted).toBe(false);
  });

  it("does not greet who has opened it before the moment came", () => {
    const made = visit();
    made.show("open");
    made.show("closed");
    vi.advanceTimersByTime(10_000);
    expect(made.state.getState().greeted).toBe(false);
  });
});

describe("how it begins", () => {
  it("is as asked for, as long as the visitor has not said otherwise", () => {
    expect(viewOf({ open: true })).toBe("open");
    localStorage.setItem(`${PREFIX}view`, "closed");
    expect(viewOf({ open: true })).toBe("closed");
  });

  it("is as it was in this tab, else as it was last", () => {
    localStorage.setItem(`${PREFIX}view`, "open");
    expect(viewOf()).toBe("open");
    sessionStorage.setItem(`${PREFIX}view`, "minimised");
    expect(viewOf()).toBe("minimised");
    sessionStorage.setItem(`${PREFIX}view`, "nonsense");
    expect(viewOf()).toBe("closed");
  });

  it("never covers a page unasked", () => {
    localStorage.setItem(`${PREFIX}view`, "open");
    expect(viewOf({ open: true, covering: true })).toBe("closed");
    sessionStorage.setItem(`${PREFIX}view`, "open");
    expect(viewOf({ covering: true })).toBe("open");
  });

  it("is another one for another bot", () => {
    localStorage.setItem(`${PREFIX}view`, "open");
    expect(viewOf({ bot: "echo" })).toBe("closed");
  });
});

describe("opening", () => {
  it("makes a key, which stays, and learns who answers", async () => {
    const made = visit();
    made.show("open");
    await vi.advanceTimersByTimeAsync(0);
    expect(made.state.getState().bot).toEqual({ title: "SizeBot", greeting: "Ask me." });
    const key = localStorage.getItem(`antiphon:${SERVER}:key`);
    expect(key).toMatch(/^visitor-[\da-f]{64}$/);
    visit({ bot: "echo" }).show("open");
    expect(localStorage.getItem(`antiphon:${SERVER}:key`)).toBe(key);
  });

  it("says what becomes of it, each change once", () => {
    const made = visit();
    for (const view of ["open", "open", "minimised", "closed"] as const) made.show(view);
    expect(events).toEqual(["open", "minimise", "close"]);
    expect(sessionStorage.getItem(`${PREFIX}view`)).toBe("closed");
  });

  it("goes on with the conversation of before", () => {
    localStorage.setItem(`${PREFIX}session`, "ses_1");
    visit().show("open");
    expect(asked).toContain("/api/sessions/ses_1");
  });

  it("is done by itself, unseen, for a reply that was under way", () => {
    localStorage.setItem(`${PREFIX}session`, "ses_1");
    localStorage.setItem(`${PREFIX}running`, "1");
    expect(viewOf()).toBe("closed");
    expect(asked).toContain("/api/sessions/ses_1");
  });
});

describe("a conversation that is gone", () => {
  const gone = (): Promise<Response> => Promise.resolve(Response.json({ code: "not_found", detail: "Gone." }, { status: 404 }));

  it("leaves what was said in it and not sent where it was written, before what stands there", async () => {
    vi.stubGlobal("fetch", vi.fn((input: RequestInfo | URL) => (typeof input === "string" && input.includes("/sessions/ses_1") ? gone() : answer(input))));
    const entry = { key: "k", kind: "message", text: "unsent", parent: "r1", promptId: "local-1", replyId: "local-2", createdAt: 0 };
    localStorage.setItem(`${PREFIX}session`, "ses_1");
    localStorage.setItem(`${PREFIX}outbox.ses_1`, JSON.stringify([entry]));
    localStorage.setItem(`${PREFIX}draft`, "begun");
    const made = visit();
    made.show("open");
    await vi.advanceTimersByTimeAsync(100);
    expect([made.draft, localStorage.getItem(`${PREFIX}outbox.ses_1`)]).toEqual(["unsent\n\nbegun", null]);
    expect(made.state.getState().chat?.store.getState().phase).toBe("new");
  });
});

describe("talking", () => {
  it("sends what is not empty, one message at a time", () => {
    const made = visit();
    expect(made.send("  ")).toBe(false);
    expect(asked).toEqual([]);
    expect(made.send(" hello ")).toBe(true);
    const { chat } = made.state.getState();
    expect(chat?.store.getState().path.map((id) => chat.store.getState().messages.get(id)?.content)).toEqual(["hello", ""]);
    expect(localStorage.getItem(`${PREFIX}session`)).toBe(chat?.store.getState().id);
    expect(localStorage.getItem(`${PREFIX}running`)).toBe("1");
    expect(made.send("more")).toBe(false);
    expect(events).toEqual(["sent"]);
  });

  it("keeps what is said while the conversation is still being read", () => {
    localStorage.setItem(`${PREFIX}session`, "ses_1");
    const made = visit();
    made.show("open");
    expect(made.send("said early")).toBe(true);
    const chat = made.state.getState().chat?.store.getState();
    expect([chat?.phase, chat?.path.map((id) => chat.messages.get(id)?.content)]).toEqual(["loading", ["said early", ""]]);
    expect(localStorage.getItem(`${PREFIX}outbox.ses_1`)).toContain("said early");
    expect(localStorage.getItem(`${PREFIX}running`)).toBe("1");
    expect(made.send("more")).toBe(false);
    expect(events.filter((name) => name === "sent")).toHaveLength(1);
  });

  it("says so when as many wait as may", () => {
    localStorage.setItem(`${PREFIX}session`, "ses_1");
    const waiting = Array.from({ length: 32 }, (_, at) => ({ key: `k${at}`, kind: "message", text: "t", parent: null, promptId: `local-p${at}`, replyId: `local-r${at}`, createdAt: 0 }));
    localStorage.setItem(`${PREFIX}outbox.ses_1`, JSON.stringify(waiting));
    const made = visit();
    made.show("open");
    expect(made.send("one more")).toBe(false);
    expect(events).not.toContain("sent");
  });

  it("keeps drafts, and gives them up with the conversation", () => {
    visit().draft = "half a";
    const next = visit();
    expect(next.draft).toBe("half a");
    next.startNew();
    expect(next.draft).toBe("");
    expect(localStorage.getItem(`${PREFIX}session`)).toBeNull();
  });
});

describe("a message that was refused", () => {
  const refuse = (status: number, code: string) =>
    vi.stubGlobal("fetch", vi.fn((url: string) => (url.endsWith("/api/bots") ? answer(url) : Promise.resolve(Response.json({ status, code, detail: "No." }, { status })))));
  const said = (made: Visit) => {
    const messages = made.state.getState().chat?.store.getState().messages.values() ?? [];
    return [...messages].filter(({ role }) => role === "user").map(({ content, status }) => [content, status]);
  };

  it("goes along with the next one, so that none is hidden behind another", async () => {
    refuse(422, "unknown_bot");
    const made = visit();
    for (const text of ["one", "two", "three"]) {
      expect(made.send(text)).toBe(true);
      await vi.advanceTimersByTimeAsync(100);
    }
    expect(said(made)).toEqual([["one\n\ntwo\n\nthree", "unsent"]]);
    const kept = Object.keys(localStorage).filter((key) => key.startsWith(`${PREFIX}outbox.`));
    expect(kept.map((key) => (JSON.parse(localStorage.getItem(key) ?? "[]") as unknown[]).length)).toEqual([1]);
  });

  it("is replaced by the next one where it was too long", async () => {
    refuse(413, "too_large");
    const made = visit();
    for (const text of ["long", "short"]) {
      made.send(text);
      await vi.advanceTimersByTimeAsync(100);
    }
    expect(said(made)).toEqual([["short", "unsent"]]);
  });
});

describe("a conversation that the server has no more", () => {
  it("makes room for another, and what is being written stays", async () => {
    const gone = { status: 404, code: "not_found", detail: "There is no such session." };
    vi.stubGlobal("fetch", vi.fn((url: string) => (url.includes("/api/sessions/ses_1") ? Promise.resolve(Response.json(gone, { status: 404 })) : answer(url))));
    localStorage.setItem(`${PREFIX}session`, "ses_1");
    const made = visit();
    made.draft = "half a question";
    made.show("open");
    await vi.advanceTimersByTimeAsync(50);
    expect(localStorage.getItem(`${PREFIX}session`)).toBeNull();
    expect(made.draft).toBe("half a question");
  });
});

describe("several tabs", () => {
  it("share what has been read", () => {
    const { state } = visit();
    otherTab("unread", "1");
    expect(state.getState().unread).toBe(true);
    otherTab("unread", null);
    expect(state.getState().unread).toBe(false);
  });

  it("share the conversation", () => {
    const made = visit();
    made.show("open");
    otherTab("session", "ses_2");
    expect(asked).toContain("/api/sessions/ses_2");
    otherTab("session", null);
    expect(made.state.getState().chat?.store.getState().id).toBeNull();
  });

  it("follow nothing after their end", () => {
    const made = visit();
    made.destroy();
    otherTab("unread", "1");
    expect(made.state.getState().unread).toBe(false);
  });
});
