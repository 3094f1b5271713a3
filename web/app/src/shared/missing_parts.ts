import { stored } from "./storage.js";

/*
 * Parts of the page that are loaded later (other pages, settings, languages, formulas) have names with the hash of
 * their content: after a deploy those of an older page are gone. Loading the page anew helps (also where the network
 * was away: Chromium remembers of a module that it could not be had), without harm, since a reply goes on where it was
 * and what is sent is kept; but it must not interrupt anybody, nor go round in circles.
 */

/** What was done about a part that could not be loaded. `away`: the server does not answer, so loading anew would lose the page. */
export type Remedy = "reload" | "ask" | "away";

/** The page loads itself anew once in so many milliseconds at most. */
export const AT_MOST_EVERY = 600_000;
const KEY = "reloaded";
const PATIENCE = 5000;

/** Whether the server answers with a page to load. Asked past the caches: the kept page has the same old names. */
async function answers(): Promise<boolean> {
  if (!navigator.onLine) return false;
  const signal = AbortSignal.timeout(PATIENCE);
  return fetch("/", { cache: "no-store", signal }).then(({ ok }) => ok, () => false);
}

/** Whether something is written in a field: not all of it is kept. */
function writing(): boolean {
  return Array.from(document.querySelectorAll<HTMLTextAreaElement | HTMLInputElement>('textarea, input:not([type="checkbox"])')).some(({ value }) => value !== "");
}

/** Notes that the page loads itself anew; false if it has lately, or if that cannot be noted: there would be no end to it. */
function mayReload(now: number): boolean {
  const last = Number(stored.getItem(KEY) ?? 0);
  if (now - last < AT_MOST_EVERY && now >= last) return false;
  stored.setItem(KEY, String(now));
  return stored.getItem(KEY) === String(now);
}

/** Decide what helps. `busy`: whether a reply is under way, or something is on its way out. */
export async function remedy(busy: () => boolean, now = Date.now()): Promise<Remedy> {
  if (!(await answers())) return "away";
  return !busy() && !writing() && mayReload(now) ? "reload" : "ask";
}
