// @vitest-environment node
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { backOff } from "../src/back_off.js";
import { Connection } from "../src/connection.js";

const [one, other] = [{}, {}];

describe("a connection", () => {
  test("is as its worst user says", () => {
    const connection = new Connection();
    const status = (): string => connection.store.getState().status;
    connection.failed(one, 1, 1234);
    expect(connection.store.getState()).toEqual({ status: "resuming", retryAt: 1234 });
    connection.failed(other, 3, null);
    expect(connection.store.getState()).toEqual({ status: "offline", retryAt: null });
    connection.well(other);
    expect(status()).toBe("resuming");
    connection.well(one);
    expect(connection.store.getState()).toEqual({ status: "connected", retryAt: null });
  });

  test("tells only what is new", () => {
    const connection = new Connection();
    const told = vi.fn();
    connection.store.subscribe(told);
    connection.well(one);
    connection.failed(one, 1, 5);
    connection.failed(one, 2, 5);
    expect(told).toHaveBeenCalledTimes(1);
  });

  test("pauses end with their time, their signal, retryNow and close", async () => {
    vi.useFakeTimers();
    const connection = new Connection();
    const abort = new AbortController();
    const over: string[] = [];
    const pause = (name: string, ms: number, signal?: AbortSignal): unknown => connection.pause(ms, signal).then(() => over.push(name));
    pause("time", 100);
    pause("signal", 10_000, abort.signal);
    pause("retry", 10_000);
    await vi.advanceTimersByTimeAsync(100);
    expect(over).toEqual(["time"]);
    abort.abort();
    await vi.advanceTimersByTimeAsync(0);
    expect(over).toEqual(["time", "signal"]);
    connection.retryNow();
    await vi.advanceTimersByTimeAsync(0);
    expect(over).toEqual(["time", "signal", "retry"]);
    pause("closed", 10_000);
    connection.close();
    pause("after", 10_000);
    await vi.advanceTimersByTimeAsync(0);
    expect(over).toEqual(["time", "signal", "retry", "closed", "after"]);
    expect(vi.getTimerCount()).toBe(0);
    vi.useRealTimers();
  });
});

test("who finds the server again wakes the others; who failed once has not looked for it", async () => {
  const connection = new Connection();
  let woken = 0;
  void connection.pause(60_000).then(() => woken++);
  connection.answered(one);
  await Promise.resolve();
  expect(woken).toBe(0);
  connection.failed(one, 1, null);
  connection.answered(one);
  await Promise.resolve();
  expect([woken, connection.store.getState().status]).toEqual([0, "connected"]);
  connection.failed(one, 2, null);
  connection.answered(one);
  await Promise.resolve();
  expect([woken, connection.store.getState().status]).toEqual([1, "connected"]);
});

describe("with a browser that knows its network", () => {
  const network = new EventTarget();
  const navigator = { onLine: true };
  beforeEach(() => {
    vi.stubGlobal("window", network);
    vi.stubGlobal("navigator", navigator);
  });
  afterEach(() => vi.unstubAllGlobals());

  test("one failure without a network is offline, and pauses end when it is back", async () => {
    const connection = new Connection();
    const changes: string[] = [];
    connection.watch((change) => changes.push(change));
    navigator.onLine = false;
    network.dispatchEvent(new Event("offline"));
    expect(connection.store.getState().status).toBe("connected");
    connection.failed(one, 1, null);
    expect(connection.store.getState().status).toBe("offline");
    const paused = connection.pause(60_000);
    navigator.onLine = true;
    network.dispatchEvent(new Event("online"));
    await paused;
    expect([changes, connection.store.getState().status]).toEqual([["offline", "online"], "resuming"]);
    connection.close();
    network.dispatchEvent(new Event("offline"));
    expect(changes.length).toBe(2);
  });
});

test("waits double from 250 ms to 8 s, and by half of it at random", () => {
  for (let failures = 1; failures < 40; failures++) {
    const most = Math.min(8000, 250 * 2 ** (failures - 1));
    const waits = Array.from({ length: 50 }, () => backOff(failures));
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(most / 2);
    expect(Math.max(...waits)).toBeLessThanOrEqual(most);
    expect(new Set(waits).size).toBeGreaterThan(1);
  }
});
