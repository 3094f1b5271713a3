// @vitest-environment node
import { afterEach, describe, expect, test, vi } from "vitest";
import { Api, type ApiOptions } from "../src/api.js";
import { Connection } from "../src/connection.js";
import { ApiError } from "../src/errors.js";
import { newId } from "../src/ids.js";
import { isAntiphon } from "../src/server.js";
import { json, problem, until } from "./fake_server.js";

type Call = { url: string; init: RequestInit };

function answering(answer: (call: Call) => Response | Promise<Response>): { calls: Call[]; fetch: typeof fetch } {
  const calls: Call[] = [];
  const fetch = (async (url: string, init: RequestInit) => {
    calls.push({ url, init });
    const response = answer({ url, init });
    return response;
  }) as typeof globalThis.fetch;
  return { calls, fetch };
}

async function failure(promise: Promise<unknown>): Promise<ApiError> {
  const error: unknown = await promise.then(() => null, (thrown: unknown) => thrown);
  if (!(error instanceof ApiError)) throw new Error(`not an ApiError: ${String(error)}`);
  return error;
}

async function callOf(options: ApiOptions, use: (api: Api) => Promise<unknown> = (api) => api.bots()): Promise<Call> {
  const { calls, fetch } = answering(() => json(200, {}));
  await use(new Api({ ...options, fetch }));
  return calls[0] ?? { url: "", init: {} };
}

afterEach(() => void vi.useRealTimers());

describe("requests", () => {
  test.each([
    [{}, "/api/bots", "same-origin"],
    [{ base: "https://a.example" }, "https://a.example/api/bots", "include"],
    [{ base: "https://a.example/chat//" }, "https://a.example/chat/api/bots", "include"],
    [{ base: "https://a.example", key: "k" }, "https://a.example/api/bots", "omit"],
  ])("%o goes to %s with credentials: %s", async (options, url, credentials) => {
    const call = await callOf(options);
    expect([call.url, call.init.credentials]).toEqual([url, credentials]);
    expect(new Headers(call.init.headers).get("Authorization")).toBe("key" in options ? "Bearer k" : null);
  });

  test.each<[string, (api: Api) => Promise<unknown>, string]>([
    ["GET", (api) => api.sessions({ limit: 5, q: "a&b", archived: true }), "/api/sessions?limit=5&q=a%26b&archived=true"],
    ["GET", (api) => api.sessions(), "/api/sessions"],
    ["GET", (api) => api.messages("a/b", { before: 0 }), "/api/sessions/a%2Fb/messages?before=0"],
    ["DELETE", (api) => api.deleteSession("s", { keepalive: true }), "/api/sessions/s"],
    ["PATCH", (api) => api.updateSession("s", { archived: true }), "/api/sessions/s"],
    ["PUT", (api) => api.rate("m", null), "/api/messages/m/feedback"],
    ["POST", (api) => api.regenerate("t", { key: "k", model: "a/b" }), "/api/turns/t/regenerate?model=a%2Fb"],
    ["POST", (api) => api.cancel("t"), "/api/turns/t/cancel"],
    ["GET", (api) => api.exportMarkdown("s", "m"), "/api/sessions/s/export?format=markdown&leaf=m"],
    ["GET", (api) => api.exportSession("s"), "/api/sessions/s/export"],
    ["POST", (api) => api.importSession({ a: 1 }), "/api/sessions/import"],
    ["GET", (api) => api.pageSettings(), "/api/page"],
  ])("%s %s", async (method, use, url) => {
    const call = await callOf({}, use);
    expect([call.init.method, call.url]).toEqual([method, url]);
    expect(call.init.keepalive ?? false).toBe(method === "DELETE");
  });

  test("a file may take longer than other answers, but not pause for as long", async () => {
    vi.useFakeTimers();
    const pieces = ['{"mess', 'ages"', ": []}"];
    const body = (endless: boolean): ReadableStream<Uint8Array> => {
      const left = [...pieces];
      return new ReadableStream({
        pull: async (controller) => {
          await new Promise((done) => setTimeout(done, 20_000));
          const piece = left.shift();
          if (piece !== undefined) controller.enqueue(new TextEncoder().encode(piece));
          else if (endless) await new Promise(() => undefined);
          else controller.close();
        },
      });
    };
    const { fetch } = answering(({ url, init }) => {
      const piped = body(url.includes("endless")).pipeThrough(new TransformStream(), { signal: init.signal as AbortSignal });
      return new Response(piped);
    });
    const api = new Api({ fetch });
    const file = api.exportSession("s");
    const endless = failure(api.exportMarkdown("endless"));
    await vi.advanceTimersByTimeAsync(80_000);
    expect([await file]).toEqual([{ messages: [] }]);
    await vi.advanceTimersByTimeAsync(40_000);
    expect((await endless).code).toBe("timeout");
  });

  test("an import has five minutes, and is repeated with its key where its answer was lost", async () => {
    vi.useFakeTimers();
    const { calls, fetch } = answering(async () => {
      await new Promise((done) => setTimeout(done, 200_000));
      if (calls.length === 1) throw new TypeError("fetch failed");
      return json(201, { id: "s" });
    });
    const imported = new Api({ fetch }).importSession({ a: 1 });
    await vi.advanceTimersByTimeAsync(400_000);
    expect(await imported).toEqual({ id: "s" });
    const [first, second] = calls.map(({ init }) => new Headers(init.headers).get("Idempotency-Key"));
    expect([calls.length, first === second, first?.length]).toEqual([2, true, newId("key-").length]);
  });

  test("a message is sent with its key and its parent, null too", async () => {
    const { init } = await callOf({}, (api) => api.send("s", { text: "Hi", parent: null }, "key-1"));
    expect([init.body, new Headers(init.headers).get("Idempotency-Key")]).toEqual(['{"text":"Hi","parent":null}', "key-1"]);
  });
});

describe("failures", () => {
  const api = (answer: () => Response | Promise<Response>, options: ApiOptions = {}): Api => new Api({ ...options, fetch: answering(answer).fetch });

  test("problem details are told as they are", async () => {
    const error = await failure(api(() => problem(429, "rate_limited", { retry_after: 3 })).bots());
    expect(error).toMatchObject({ status: 429, code: "rate_limited", message: "rate_limited.", retryAfter: 3, passing: true, waitMs: 3000 });
    expect((await failure(api(() => problem(422, "invalid")).bots())).passing).toBe(false);
    // Timers take no more than 24 days: beyond that they end at once.
    expect((await failure(api(() => problem(503, "overloaded", { retry_after: 30 * 86_400 })).bots())).waitMs).toBe(300_000);
  });

  test.each([
    ["7", [7]],
    [new Date(Date.now() + 60_000).toUTCString(), [57, 58, 59, 60]],
    ["soon", [null]],
    // Of a clock that is ahead, or of somebody who means it: asked again all the same.
    [new Date(Date.now() + 86_400_000).toUTCString(), [300]],
    [String(30 * 86_400), [300]],
  ])("Retry-After: %s", async (header, expected) => {
    const { retryAfter } = await failure(api(() => new Response("busy", { status: 503, headers: { "Retry-After": header } })).bots());
    expect(expected).toContain(retryAfter === null ? null : Math.floor(retryAfter));
  });

  test("no answer is status 0, and so is one that cannot be this server's", async () => {
    const nobody = await failure(api(() => Promise.reject(new TypeError("fetch failed"))).bots());
    expect(nobody).toMatchObject({ status: 0, code: "unreachable", passing: true });
    const portal = await failure(api(() => new Response("<html>Sign in")).bots());
    expect(portal).toMatchObject({ status: 0, code: "unexpected_answer", passing: true });
  });

  test("an answer that takes too long, also in the midst of it", async () => {
    const hangs: typeof fetch = (_url, init) =>
      new Promise((_done, fail) => init?.signal?.addEventListener("abort", () => fail(new DOMException("aborted", "AbortError"))));
    expect(await failure(new Api({ fetch: hangs, timeoutMs: 20 }).bots())).toMatchObject({ status: 0, code: "timeout" });
    const stalls: typeof fetch = (_url, init) => {
      const start = (body: ReadableStreamDefaultController): void => init?.signal?.addEventListener("abort", () => body.error(new DOMException("aborted", "AbortError")));
      return Promise.resolve(new Response(new ReadableStream({ start })));
    };
    expect(await failure(new Api({ fetch: stalls, timeoutMs: 20 }).bots())).toMatchObject({ status: 0, code: "timeout" });
  });

  test("after a failure the server is looked for until it answers", async () => {
    const connection = new Connection();
    let down = true;
    const { calls, fetch } = answering(() => (down ? Promise.reject(new TypeError("fetch failed")) : json(200, {})));
    await failure(new Api({ fetch, connection }).bots());
    await until(() => calls.filter(({ url }) => url === "/health").length >= 1);
    expect(connection.store.getState().status).toBe("resuming");
    down = false;
    connection.retryNow();
    await until(() => connection.store.getState().status === "connected");
    const looked = calls.length;
    await new Promise((done) => setTimeout(done, 400));
    expect(calls.length).toBe(looked);
    connection.close();
  });

  test("nobody is looked for once the connection is closed", async () => {
    const connection = new Connection();
    const { calls, fetch } = answering(() => Promise.reject(new TypeError("fetch failed")));
    await failure(new Api({ fetch, connection }).bots());
    connection.close();
    await new Promise((done) => setTimeout(done, 400));
    expect(calls.length).toBeLessThanOrEqual(2);
  });
});

describe("events", () => {
  const stream = (...parts: (string | Uint8Array)[]): Response => {
    const bytes = parts.map((part) => (typeof part === "string" ? new TextEncoder().encode(part) : part));
    const start = (controller: ReadableStreamDefaultController): void => {
      bytes.forEach((part) => controller.enqueue(part));
      controller.close();
    };
    const body = new ReadableStream({ start });
    return new Response(body, { headers: { "Content-Type": "text/event-stream; charset=utf-8" } });
  };
  const read = async (response: Response | typeof fetch, options: { cursor?: string | null; silenceMs?: number; signal?: AbortSignal } = {}): Promise<unknown[]> => {
    const events: unknown[] = [];
    const fetch = typeof response === "function" ? response : answering(() => response).fetch;
    events.push(await new Api({ fetch }).events("/x", { signal: new AbortController().signal, ...options, onEvent: (event) => events.push(event) }));
    return events;
  };

  test("arrive whole, however they are cut", async () => {
    const bytes = new TextEncoder().encode('id: 1.1\nevent: x\ndata: "日🎶"\n\n: heartbeat\n\ndata: a\ndata: b\r\n\r\n');
    const expected = [{ id: "1.1", event: "x", data: '"日🎶"' }, { id: null, event: "message", data: "a\nb" }, "ended"];
    for (let at = 1; at < bytes.length; at++) expect(await read(stream(bytes.slice(0, at), bytes.slice(at)))).toEqual(expected);
    expect(await read(stream(...Array.from(bytes, (byte) => Uint8Array.of(byte))))).toEqual(expected);
  });

  test("one that was cut off is none", async () => {
    expect(await read(stream("data: a\n\ndata: b\n"))).toEqual([{ id: null, event: "message", data: "a" }, "ended"]);
  });

  test("go on from the cursor; 204: there is nothing more", async () => {
    const { calls, fetch } = answering(() => new Response(null, { status: 204 }));
    expect(await read(fetch, { cursor: "12.40" })).toEqual(["nothing"]);
    await read(fetch);
    expect(calls.map(({ init }) => new Headers(init.headers).get("Last-Event-ID"))).toEqual(["12.40", null]);
  });

  test("of a server that falls silent end", async () => {
    const quiet: typeof fetch = (_url, init) => {
      const start = (body: ReadableStreamDefaultController): void => init?.signal?.addEventListener("abort", () => body.error(new DOMException("aborted", "AbortError")));
      return Promise.resolve(new Response(new ReadableStream({ start }), { headers: { "Content-Type": "text/event-stream" } }));
    };
    expect(await failure(read(quiet, { silenceMs: 30 }))).toMatchObject({ status: 0, code: "timeout" });
    const abort = new AbortController();
    const reading = read(quiet, { signal: abort.signal });
    abort.abort();
    await expect(reading).rejects.toMatchObject({ name: "AbortError" });
  });

  test("are not awaited for longer than 40 s of silence", async () => {
    vi.useFakeTimers();
    const never: typeof fetch = (_url, init) => new Promise((_done, fail) => init?.signal?.addEventListener("abort", () => fail(new DOMException("aborted", "AbortError"))));
    let failed = false;
    void failure(read(never)).then(() => (failed = true));
    await vi.advanceTimersByTimeAsync(39_900);
    expect(failed).toBe(false);
    await vi.advanceTimersByTimeAsync(200);
    expect(failed).toBe(true);
  });

  test("are not looked for in a page", async () => {
    expect(await failure(read(new Response("<html>")))).toMatchObject({ status: 0, code: "unexpected_answer" });
    expect(await failure(read(problem(410, "cursor_expired")))).toMatchObject({ status: 410 });
  });

  test("one without end is refused", async () => {
    const endless = stream("data: ", ..."x".repeat(9).split("").map((letter) => letter.repeat(1_000_000)));
    expect(await failure(read(endless))).toMatchObject({ code: "unexpected_answer" });
  });
});

test("a server that tells it is Antiphon is one", async () => {
  const health = (answer: () => Response | Promise<Response>): Promise<boolean> => isAntiphon("http://b.example/", { fetch: answering(answer).fetch });
  expect(await health(() => json(200, { service: "antiphon" }))).toBe(true);
  expect(await health(() => json(200, { status: "ok" }))).toBe(false);
  expect(await health(() => new Response("<html>"))).toBe(false);
  expect(await health(() => problem(404, "not_found"))).toBe(false);
  expect(await failure(health(() => Promise.reject(new TypeError("fetch failed"))))).toMatchObject({ status: 0 });
});

test("ids are made without randomUUID, which plain http has not", () => {
  const all = new Set(Array.from({ length: 1000 }, () => newId("ses_")));
  expect(all.size).toBe(1000);
  for (const id of all) expect(id).toMatch(/^ses_[0-9a-f]{32}$/);
});
