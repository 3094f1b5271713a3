import type { Server } from "../../shared/server.js";

/**
 * Why a server cannot be used:
 * - `address`: what was written is none,
 * - `mixed`: this page came encrypted, and the browser keeps it from what is not,
 * - `policy`: this page's server does not name it, so the page's policy forbids it (ANTIPHON_SERVERS),
 * - `origin`: it answers, but not to pages of this origin (ANTIPHON_ALLOWED_ORIGINS there),
 * - `away`: it does not answer,
 * - `stranger`: it answers as neither Antiphon nor a board does.
 */
export type Fault = "address" | "mixed" | "policy" | "origin" | "away" | "stranger";
export type Finding = { kind: Server["kind"] } | { fault: Fault };

/** A server has so many milliseconds to answer. */
const PATIENCE_MS = 8000;

/** The address that was meant, without a slash at its end; null if it is none. */
export function addressOf(text: string): string | null {
  if (/\s/.test(text.trim())) return null;
  const written = /^https?:\/\//i.test(text.trim()) ? text.trim() : `${location.protocol}//${text.trim()}`;
  const url = URL.canParse(written) ? new URL(written) : null;
  return url === null || url.hostname === "" ? null : `${url.origin}${url.pathname.replace(/\/+$/, "")}`;
}

/** Without cookies, as all that is asked of other servers. */
async function readJson(url: string): Promise<unknown> {
  const response = await fetch(url, { credentials: "omit", signal: AbortSignal.timeout(PATIENCE_MS) });
  return response.ok ? response.json().catch(() => null) : null;
}

async function isBoard(url: string): Promise<boolean> {
  return Array.isArray(await readJson(`${url}/api/chat?limit=1`));
}

/** A board need not know this route, or not allow it to pages: then it is none of ours. */
async function callsItselfAntiphon(url: string): Promise<boolean> {
  const told = await readJson(`${url}/health`).catch(() => null);
  return typeof told === "object" && told !== null && "service" in told && told.service === "antiphon";
}

/** Whether it answers at all: what it says stays hidden from a page that it does not allow. */
async function answers(url: string): Promise<boolean> {
  return fetch(`${url}/health`, { mode: "no-cors", credentials: "omit", signal: AbortSignal.timeout(PATIENCE_MS) }).then(
    () => true,
    () => false,
  );
}

/** Find out what a server is, or what keeps the page from it. */
export async function probe(url: string): Promise<Finding> {
  const secure = location.protocol === "https:" && url.startsWith("http:");
  const forbidden: string[] = [];
  const onViolation = ({ blockedURI }: SecurityPolicyViolationEvent): void => void forbidden.push(blockedURI);
  document.addEventListener("securitypolicyviolation", onViolation);
  try {
    if (await callsItselfAntiphon(url)) return { kind: "antiphon" };
    return (await isBoard(url)) ? { kind: "board" } : { fault: "stranger" };
  } catch {
    // The event comes in a task of its own, after the request has failed.
    await new Promise((done) => setTimeout(done, 50));
    if (forbidden.some((address) => address.startsWith(new URL(url).origin))) return { fault: "policy" };
    if (await answers(url)) return { fault: "origin" };
    return { fault: secure ? "mixed" : "away" };
  } finally {
    document.removeEventListener("securitypolicyviolation", onViolation);
  }
}
