import { readJson, stored } from "./storage.js";

/** A server that the page can talk to. */
export interface Server {
  name: string;
  /** Without a slash at its end; "": the one this page came from. */
  url: string;
  kind: "antiphon" | "board";
}

export const THIS_SERVER: Server = { name: location.host, url: "", kind: "antiphon" };

const KEY = "servers";

function isServer(value: unknown): value is Server {
  if (typeof value !== "object" || value === null) return false;
  const { name, url, kind } = value as Record<string, unknown>;
  return typeof name === "string" && typeof url === "string" && (kind === "antiphon" || kind === "board");
}

/** Those that the reader added or has used. */
export function keptServers(): Server[] {
  const kept = readJson(KEY, []);
  return Array.isArray(kept) ? kept.filter(isServer) : [];
}

export function keepServers(servers: Server[]): void {
  stored.setItem(KEY, JSON.stringify(servers));
}

/** All there is to choose from, each once. What one that only the operator named is, shows when it is chosen. */
export function together(named: readonly { name: string; url: string }[], kept: readonly Server[]): Server[] {
  const operators = named.map(({ name, url }): Server => ({ name, url: trimmed(url), kind: kept.find((one) => one.url === trimmed(url))?.kind ?? "antiphon" }));
  const known = new Set(operators.map((one) => one.url));
  return [THIS_SERVER, ...operators, ...kept.filter((one) => !known.has(one.url))];
}

export function trimmed(url: string): string {
  return url.replace(/\/+$/, "");
}
