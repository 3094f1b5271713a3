// @vitest-environment happy-dom
import { afterEach, describe, expect, test, vi } from "vitest";
import { Board, KEPT_POSTS } from "../src/board.js";
import { json } from "./fake_server.js";

interface Wire {
  id: number | string;
  message: string;
  sender: string;
  timestamp: string;
}

const wire = (id: number | string): Wire => ({ id, message: `m${id}`, sender: "Ada", timestamp: "2026-11-20T08:00:00.000Z" });
const from = (first: number, last: number): Wire[] => Array.from({ length: last - first + 1 }, (_, k) => wire(first + k));

/** A board as Antiphon has it, or (`plain`) as the Flask and Node stacks have it: all posts, each time. */
function boardOf(posts: Wire[], plain = false): { board: Board; asked: string[]; fails: { status: number }; slow: { newest: number; older: number } } {
  const asked: string[] = [];
  const slow = { newest: 0, older: 0 };
  const fails = { status: 0 };
  const fetch = (async (url: string, init: RequestInit) => {
    await Promise.resolve();
    expect(init.credentials).toBe("omit");
    asked.push(`${init.method} ${url}`);
    if (fails.status === -1) throw new TypeError("fetch failed");
    if (fails.status) return json(fails.status, { error: "Sender is empty." });
    if (init.method === "POST") {
      const made = { ...wire(posts.length + 1), ...(JSON.parse(init.body as string) as object) };
      posts.push(made);
      return json(201, made);
    }
    const query = new URL(url, "http://x").searchParams;
    const before = query.get("before");
    const ms = before === null ? slow.newest : slow.older;
    if (ms) await new Promise((done) => setTimeout(done, ms));
    const newest = posts.toReversed().filter((post) => plain || before === null || Number(post.id) < Number(before));
    return json(200, plain ? newest : newest.slice(0, Number(query.get("limit"))));
  }) as typeof globalThis.fetch;
  const board = new Board("http://b.example", { fetch });
  boards.push(board);
  return { board, asked, fails, slow };
}

const boards: Board[] = [];
const ids = (board: Board): (number | string)[] => board.store.getState().posts.map((post) => post.id);
const range = (first: number, last: number): number[] => from(first, last).map((post) => Number(post.id));
const later = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);

vi.useFakeTimers();
afterEach(() => {
  for (const board of boards.splice(0)) board.close();
  Object.defineProperty(document, "visibilityState", { value: "visible", configurable: true });
});

describe("a message board", () => {
  test("shows the newest, oldest first, older ones when asked, and what comes every 2 s", async () => {
    const posts = from(1, 150);
    const { board } = boardOf(posts);
    board.start();
    await later(0);
    expect([ids(board), board.store.getState().hasOlder]).toEqual([range(51, 150), true]);
    const before = board.store.getState().posts;
    await later(2100);
    expect(board.store.getState().posts).toBe(before);
    posts.push(wire(151));
    await later(2000);
    expect(ids(board)).toEqual(range(51, 151));
    await board.loadOlder();
    expect([ids(board), board.store.getState().hasOlder]).toEqual([range(1, 151), false]);
  });

  test("closes up with what came while it was away, and lets go of what is too far behind", async () => {
    const posts = from(1, 150);
    const { board } = boardOf(posts);
    board.start();
    await later(0);
    posts.push(...from(151, 480));
    await later(2000);
    expect(ids(board)).toEqual(range(51, 480));
    posts.push(...from(481, 2600));
    await later(2000);
    expect([ids(board), board.store.getState().hasOlder]).toEqual([range(1601, 2600), true]);
  });

  test("older posts that are read during a look stay", async () => {
    const { board, slow } = boardOf(from(1, 250));
    board.start();
    await later(0);
    slow.newest = 500;
    await later(2100);
    await board.loadOlder();
    expect(ids(board)).toEqual(range(51, 250));
    await later(3000);
    expect([ids(board), board.store.getState().hasOlder]).toEqual([range(51, 250), true]);
  });

  test("older posts that come when what they stood before is gone are left out: there would be a hole", async () => {
    const posts = from(1, 250);
    const { board, slow } = boardOf(posts);
    board.start();
    await later(0);
    slow.older = 3000;
    const older = board.loadOlder();
    await later(0);
    slow.older = 0;
    posts.push(...from(251, 2000));
    await later(4000);
    await older;
    expect(ids(board)).toEqual(range(1001, 2000));
  });

  test("of a server that knows no pages is read whole, and each post shown once", async () => {
    const posts = from(1, 250);
    const { board } = boardOf(posts, true);
    board.start();
    await later(0);
    expect([ids(board), board.store.getState().hasOlder]).toEqual([range(1, 250), false]);
    posts.push(wire(251));
    await later(2000);
    await board.loadOlder();
    expect(ids(board)).toEqual(range(1, 251));
  });

  test("keeps the newest 2,000", async () => {
    const posts = from(1, 3000);
    const { board } = boardOf(posts, true);
    board.start();
    await later(4100);
    expect(ids(board)).toEqual(range(3001 - KEPT_POSTS, 3000));
  });

  test("takes ids that are texts, times without a zone, and leaves out what is no post", async () => {
    const odd = [{ ...wire("652f"), timestamp: "2026-11-20T08:00:00" }, wire("6530"), { id: null } as never];
    const { board } = boardOf(odd, true);
    board.start();
    await later(0);
    expect(board.store.getState().posts.map(({ id, timestamp }) => [id, timestamp])).toEqual([
      ["652f", "2026-11-20T08:00:00Z"],
      ["6530", "2026-11-20T08:00:00.000Z"],
    ]);
  });

  test("a post is there when it was taken, and an error when it was not", async () => {
    const { board, fails } = boardOf(from(1, 3));
    board.start();
    await later(0);
    await board.post("Ada", "Hi");
    expect(board.store.getState().posts.at(-1)).toMatchObject({ id: 4, sender: "Ada", message: "Hi" });
    fails.status = 400;
    await expect(board.post("", "Hi")).rejects.toMatchObject({ status: 400, message: "Sender is empty." });
  });

  test("is not looked at while the page is hidden, and at once when it is seen", async () => {
    const { board, asked } = boardOf(from(1, 3));
    board.start();
    await later(0);
    Object.defineProperty(document, "visibilityState", { value: "hidden", configurable: true });
    await later(2000);
    const looks = asked.length;
    await later(20_000);
    expect(asked.length).toBe(looks);
    Object.defineProperty(document, "visibilityState", { value: "visible", configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
    await later(0);
    expect(asked.length).toBe(looks + 1);
  });

  test("says when it is out of reach, and goes on when it is back", async () => {
    const { board, fails, asked } = boardOf(from(1, 3));
    fails.status = -1;
    board.start();
    await later(0);
    expect(board.store.getState()).toMatchObject({ phase: "unreachable", error: { status: 0 } });
    fails.status = 0;
    await later(2100);
    expect(board.store.getState()).toMatchObject({ phase: "ready", error: null });
    fails.status = 503;
    await later(2100);
    expect([board.store.getState().phase, board.store.getState().error?.status]).toEqual(["ready", 503]);
    board.close();
    const looks = asked.length;
    await later(60_000);
    expect(asked.length).toBe(looks);
  });
});
