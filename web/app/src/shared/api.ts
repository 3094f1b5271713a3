import { Api, newId, type Connection } from "@antiphon/client";
import { storedFor } from "./storage.js";

const KEY = "reader";
/** Where the browser keeps nothing a key lasts as long as the page. */
const keys = new Map<string, string>();

/** By what another server knows this browser's reader. Whoever has it has the conversations, so it gets twice 128 random bits. */
function keyFor(server: string): string {
  const kept = storedFor(server);
  const key = kept.getItem(KEY) ?? keys.get(server) ?? newId("reader-") + newId("");
  kept.setItem(KEY, key);
  keys.set(server, key);
  return key;
}

/**
 * What asks a server. The one of this page knows its reader by a cookie; others by a key, as browsers keep the
 * cookies of other sites back and each request would be another guest's.
 */
export function apiOf(server: string, connection?: Connection): Api {
  return new Api({ base: server, ...(server === "" ? {} : { key: keyFor(server) }), ...(connection ? { connection } : {}) });
}
