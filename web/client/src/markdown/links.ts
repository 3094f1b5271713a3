import { MAX_ADDRESS, MAX_SHOWN_ADDRESS } from "./bounds.js";
import { decode } from "./entities.js";

const SCHEMES = new Set(["http:", "https:", "mailto:"]);
// Embeddings, overrides and isolates could show an address backwards, or code that does something else than it says.
const DIRECTION_CONTROLS = /[\u202a-\u202e\u2066-\u2069]/g;

/** Text in which nothing invisible changes the order of what is read. */
export function inOrder(text: string): string {
  return text.replace(DIRECTION_CONTROLS, "\ufffd");
}

export interface Target {
  readonly href: string;
  /** Where it really leads: a host (in ASCII), or a mail address. */
  readonly place: string;
}

/** Where a link leads, if it may be one: absolute, and http, https or mailto. */
export function targetOf(address: string): Target | null {
  const text = decode(address);
  if (text.length > MAX_ADDRESS || !URL.canParse(text)) return null;
  const url = new URL(text);
  if (!SCHEMES.has(url.protocol)) return null;
  return { href: url.href, place: url.protocol === "mailto:" ? inOrder(url.pathname) : url.host };
}

/** A refused address, as the reader sees it beside its text. */
export function shownAddress(address: string): string {
  const text = inOrder(decode(address));
  return text.length > MAX_SHOWN_ADDRESS ? `${text.slice(0, MAX_SHOWN_ADDRESS)}…` : text;
}
