import { describe, expect, it } from "vitest";
import { changes, GAP_MS, KEPT_MS, MOST, RATE_SECONDS, rates, spanFor, withSample, type Sample } from "../src/features/status/history.js";
import { readStats, type Stats } from "../src/features/status/stats.js";

function told(fields: Partial<Record<"pod_id" | "uptime_seconds" | "tokens", unknown>>): Stats {
  const stats = readStats(JSON.stringify({ pod_id: "a", uptime_seconds: 0, ...fields }));
  if (!stats) throw new Error("not a telling");
  return stats;
}

/** A telling each second from `from` on, of a pod that counts 20 tokens a second. */
function seconds(count: number, pod = "a", from = 0): Sample[] {
  return Array.from({ length: count }, (_, second) => ({
    at: (from + second) * 1000,
    stats: told({ pod_id: pod, uptime_seconds: second, tokens: second * 20 }),
  }));
}

const tokens = (stats: Stats) => stats.tokens;

describe("history", () => {
  it("keeps five minutes", () => {
    const history = seconds(400).reduce<Sample[]>(withSample, []);
    expect(history.at(-1)?.at).toBe(399_000);
    expect(history[0]?.at).toBe(399_000 - KEPT_MS);
  });

  it("keeps no more than its bound, however fast they come", () => {
    const fast = Array.from({ length: MOST + 50 }, (_, index) => ({ at: index, stats: told({}) }));
    expect(fast.reduce<Sample[]>(withSample, [])).toHaveLength(MOST);
  });

  it("leaves out what a clock that was set back made later than now", () => {
    const [early, late] = seconds(2);
    if (!early || !late) throw new Error("two are needed");
    expect(withSample([late], early)).toEqual([early]);
  });

  it("shows the shortest span that holds it", () => {
    expect(spanFor([0, 59_000])).toBe(60_000);
    expect(spanFor([0, 61_000])).toBe(120_000);
    expect(spanFor([0, 299_000])).toBe(KEPT_MS);
    expect(spanFor([])).toBe(60_000);
  });
});

describe("rates", () => {
  it("are differences by the pod's own clock", () => {
    const found = rates(seconds(30), tokens);
    expect(found[0]).toBeNull();
    expect(found.slice(1).every((rate) => rate === 20)).toBe(true);
  });

  it("spread a burst over their span, and forget it after", () => {
    const history = seconds(40).map(({ at }, second) => ({ at, stats: told({ uptime_seconds: second, tokens: second < 5 ? 0 : 1000 }) }));
    const found = rates(history, tokens);
    expect(found[4]).toBe(0);
    expect(found[12]).toBe(1000 / RATE_SECONDS);
    expect(found[30]).toBe(0);
  });

  it("begin anew with another pod, whose counters are others", () => {
    const history = [...seconds(20, "a"), ...seconds(3, "b", 20)];
    const found = rates(history, tokens);
    expect(found.slice(19)).toEqual([20, null, 20, 20]);
    expect(changes(history)).toEqual([20]);
  });

  it("begin anew after a gap and after a restart", () => {
    const gap = seconds(3).map(({ at, stats }, index) => ({ at: index === 2 ? at + GAP_MS : at, stats }));
    expect(rates(gap, tokens)).toEqual([null, 20, null]);
    const restarted = [...seconds(3), { at: 3000, stats: told({ uptime_seconds: 0, tokens: 0 }) }];
    expect(rates(restarted, tokens).at(-1)).toBeNull();
  });
});

describe("readStats", () => {
  it("takes what is missing for unknown, and what is no telling for none", () => {
    const stats = told({});
    expect(stats.queuedTurns).toBeNull();
    expect(stats.pods).toEqual([]);
    expect(stats.firstToken).toEqual({ count: 0, p50: null, p95: null, p99: null });
    for (const data of ["", "null", "[]", "{}", '{"pod_id":1,"uptime_seconds":1}', "<html>"]) expect(readStats(data)).toBeNull();
  });

  it("reads pods and limits as the server tells them", () => {
    const pods = [{ id: "a", this: true, works: true, running_turns: 2, started_at: "2026-11-21T17:21:08.456Z", lease_seconds_left: 2.9 }];
    const limits = [{ name: "rate_user", used: 3, most: 120, per: "minute", refused: 1 }];
    const stats = readStats(JSON.stringify({ pod_id: "a", uptime_seconds: 1, pods, limits, connections: { sse: 2, odd: "x" } }));
    expect(stats?.pods).toEqual([{ id: "a", isThis: true, works: true, runningTurns: 2, startedAt: "2026-11-21T17:21:08.456Z", leaseSecondsLeft: 2.9 }]);
    expect(stats?.limits).toEqual(limits);
    expect(stats?.connections).toEqual({ sse: 2 });
  });
});
