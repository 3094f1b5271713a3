/**
 * What a page asks of the service worker.
 * - `take over`: begin to serve now rather than when the last page of the old version is closed,
 * - `keep`: put these files of the page into the cache; others among them are passed over.
 */
export type Order = { type: "take over" } | { type: "keep"; urls: string[] };
