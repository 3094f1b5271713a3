import type { Order } from "./orders.js";
import { route } from "./routing.js";

declare const self: ServiceWorkerGlobalScope;
/** Filled in by the build (plugin.ts): the version, and what the page needs before its first message. */
declare const __SHELL__: { version: string; files: string[] };

const { version, files } = __SHELL__;
const PREFIX = "antiphon ";
const CACHE = PREFIX + version;
const SHELL = "/";
/** How long the network has for a page before the kept shell is shown, in milliseconds. */
const PATIENCE = 3000;

async function install(): Promise<void> {
  const cache = await caches.open(CACHE);
  // The shell past the HTTP cache: an old page with new files would ask for files that are gone.
  await cache.addAll([new Request(SHELL, { cache: "reload" }), ...files]);
}

async function activate(): Promise<void> {
  const names = await caches.keys();
  await Promise.all(names.filter((name) => name.startsWith(PREFIX) && name !== CACHE).map((name) => caches.delete(name)));
  await self.registration.navigationPreload.enable();
  await self.clients.claim();
}

const wait = (ms: number) => new Promise<null>((done) => setTimeout(() => done(null), ms));

/** Storage that fails is as good as an empty one. */
const keptOf = (request: Request | string) => caches.match(request, { cacheName: CACHE }).catch(() => undefined);

/** The page from the network; the kept shell if there is no answer in time, or only a fault of what stands before the server. */
async function page(event: FetchEvent): Promise<Response> {
  const network = (event.preloadResponse as Promise<Response | undefined>)
    .then((preloaded) => preloaded ?? fetch(event.request))
    .catch(() => null);
  event.waitUntil(network);
  const answer = await Promise.race([network, wait(PATIENCE)]);
  if (answer && answer.status < 500) return answer;
  const kept = await keptOf(SHELL);
  return kept ?? answer ?? (await network) ?? Response.error();
}

async function asset(event: FetchEvent): Promise<Response> {
  const { request } = event;
  const kept = await keptOf(request);
  if (kept) return kept;
  const answer = await fetch(request);
  if (answer.ok) event.waitUntil(keepAnswer(request, answer.clone()));
  return answer;
}

/** Storage may be full or refused: what was loaded is the page's all the same. */
async function keepAnswer(request: Request, answer: Response): Promise<void> {
  await caches.open(CACHE).then((cache) => cache.put(request, answer)).catch(() => undefined);
}

async function keep(urls: readonly string[]): Promise<void> {
  const cache = await caches.open(CACHE);
  const wanted = urls.filter((url) => route({ method: "GET", url, mode: "cors", accept: null }, self.location.origin) === "asset");
  for (const url of new Set(wanted)) {
    // One that is gone since (a new version on the server) must not keep the others out.
    if (!(await cache.match(url))) await cache.add(url).catch(() => undefined);
  }
}

self.addEventListener("install", (event) => event.waitUntil(install()));
self.addEventListener("activate", (event) => event.waitUntil(activate()));
self.addEventListener("message", (event) => {
  const order = event.data as Order;
  if (order.type === "take over") event.waitUntil(self.skipWaiting());
  else event.waitUntil(keep(order.urls));
});
self.addEventListener("fetch", (event) => {
  const { method, url, mode, headers } = event.request;
  const decided = route({ method, url, mode, accept: headers.get("accept") }, self.location.origin);
  if (decided === "page") event.respondWith(page(event));
  else if (decided === "asset") event.respondWith(asset(event));
});
