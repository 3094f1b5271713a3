import type { Session, StoredMessage } from "@antiphon/client";
import { describe, expect, it } from "vitest";
import { BOUNDS, encode, evict } from "../src/shared/offline_bounds.js";

const kept = (key: string, at: number, bytes = 1) => ({ key, at, bytes });
const session = { id: "s", title: "Größe" } as Session;
const message = (id: string, content: string) => ({ id, content }) as StoredMessage;

describe("evict", () => {
  it("keeps the newest 50", () => {
    const { stay, go } = evict(Array.from({ length: 60 }, (_, at) => kept(String(at), at)));
    expect(stay).toHaveLength(BOUNDS.sessions);
    expect(stay[0]?.key).toBe("59");
    expect(go.sort()).toEqual(["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"].sort());
  });

  it("keeps at most 50 MiB, and nothing older than what did not fit", () => {
    const half = BOUNDS.allBytes / 2;
    const { stay, go } = evict([kept("tiny and old", 1, 1), kept("older", 2, half), kept("newer", 4, half), kept("newest", 5, half)]);
    expect(stay.map(({ key }) => key)).toEqual(["newest", "newer"]);
    expect(go).toEqual(["older", "tiny and old"]);
  });

  it("holds its bounds at what they say", () => {
    expect(BOUNDS).toEqual({ sessions: 50, sessionBytes: 2 * 1024 ** 2, allBytes: 50 * 1024 ** 2 });
    expect(evict([kept("a", 1, BOUNDS.allBytes)]).stay).toHaveLength(1);
    expect(evict([kept("a", 1, BOUNDS.allBytes + 1)]).stay).toHaveLength(0);
  });
});

describe("encode", () => {
  it("is read back as it was", () => {
    const messages = [message("1", "früher"), message("2", "später")];
    const encoded = encode(session, messages);
    expect(JSON.parse(encoded?.text ?? "")).toEqual({ session, messages });
    expect(encoded?.bytes).toBe(new TextEncoder().encode(encoded?.text).length);
    expect(JSON.parse(encode(session, [])?.text ?? "")).toEqual({ session, messages: [] });
  });

  it("leaves the oldest messages out where all do not fit", () => {
    const messages = Array.from({ length: 30 }, (_, index) => message(String(index), "ü".repeat(50_000)));
    const encoded = encode(session, messages);
    const { messages: left } = JSON.parse(encoded?.text ?? "") as { messages: StoredMessage[] };
    expect(encoded?.bytes).toBeLessThanOrEqual(BOUNDS.sessionBytes);
    expect(left.at(-1)?.id).toBe("29");
    expect(left).toHaveLength(20);
  });

  it("gives up on a message that is too large alone", () => {
    expect(encode(session, [message("1", "x".repeat(BOUNDS.sessionBytes))])).toBeNull();
  });
});
