import { afterEach, beforeEach, expect, it, vi } from "vitest";

const URL_OF_PART = "https://chat.example/assets/part-1.js";
const handlers = new Map<string, (event: unknown) => void>();
const cache = { match: vi.fn(), put: vi.fn() };
const caches = { open: vi.fn(), match: vi.fn() };
const refused = () => Promise.reject(new DOMException("Quota exceeded.", "QuotaExceededError"));

beforeEach(async () => {
  vi.resetAllMocks();
  vi.resetModules();
  vi.stubGlobal("__SHELL__", { version: "1", files: [] });
  vi.stubGlobal("caches", caches);
  vi.stubGlobal("fetch", vi.fn(() => Promise.resolve(new Response("the part"))));
  vi.stubGlobal("self", { location: { origin: "https://chat.example" }, addEventListener: (type: string, handler: (event: unknown) => void) => handlers.set(type, handler) });
  caches.match.mockResolvedValue(undefined);
  caches.open.mockResolvedValue(cache);
  cache.put.mockResolvedValue(undefined);
  // A worker has other globals than a page: this project's types do not know them.
  const worker = "../src/sw/worker.ts";
  await import(/* @vite-ignore */ worker);
});
afterEach(() => vi.unstubAllGlobals());

/** What the worker answers when the page asks for a part of it; and waits for all that it does beside. */
async function answered(): Promise<string> {
  const waits: Promise<unknown>[] = [];
  const given = new Promise<Response>((respondWith) => {
    handlers.get("fetch")?.({ request: new Request(URL_OF_PART), respondWith, waitUntil: (it: Promise<unknown>) => waits.push(it) });
  });
  const text = await (await given).text();
  await Promise.all(waits);
  return text;
}

it("keeps a part that it loads", async () => {
  expect(await answered()).toBe("the part");
  expect(cache.put).toHaveBeenCalledOnce();
});

it.each([
  ["is full", () => cache.put.mockImplementation(refused)],
  ["cannot be opened", () => caches.open.mockImplementation(refused)],
  ["cannot be read", () => caches.match.mockImplementation(refused)],
])("gives the page what it loads where storage %s", async (_how, break_) => {
  break_();
  expect(await answered()).toBe("the part");
});
