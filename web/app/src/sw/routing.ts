/** The parts of a request by which it is decided who answers it. */
export interface Asked {
  readonly method: string;
  readonly url: string;
  readonly mode: string;
  readonly accept: string | null;
}

/**
 * Who answers.
 * - `network`: the worker does not touch it; it is as if there were none,
 * - `page`: one of the page's own addresses: from the network, the kept shell if that fails,
 * - `asset`: a file whose name has its hash: from the cache, the network if it is not there.
 */
export type Route = "network" | "page" | "asset";

const PAGES = /^\/(?:c\/[^/]+|board|status)?$/;
const ASSETS = /^\/assets\/[^/]+$/;

/**
 * Decides who answers a request to `origin`'s worker. What is not named here is left alone: a list of what must not
 * be touched would one day miss a route, and a stream that passes through a worker ends when the worker is put to sleep.
 */
export function route({ method, url, mode, accept }: Asked, origin: string): Route {
  const { origin: asked, pathname } = new URL(url);
  if (method !== "GET" || asked !== origin || accept?.includes("text/event-stream")) return "network";
  if (mode === "navigate") return PAGES.test(pathname) ? "page" : "network";
  return ASSETS.test(pathname) ? "asset" : "network";
}
