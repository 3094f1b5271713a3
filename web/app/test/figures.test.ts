import { ApiError, Connection, type Api, type EventOptions } from "@antiphon/client";
import { afterEach, describe, expect, it, vi } from "vitest";
import { Figures } from "../src/features/status/figures.js";

/** A server that gives each connection its turn of the script. */
class Script {
  readonly asked: EventOptions[] = [];
  constructor(private readonly turns: ((options: EventOptions) => Promise<"ended" | "nothing">)[]) {}
  get api(): Api {
    return { events: (_path: string, options: EventOptions) => this.next(options) } as unknown as Api;
  }
  private next(options: EventOptions): Promise<"ended" | "nothing"> {
    this.asked.push(options);
    return this.turns[this.asked.length - 1]?.(options) ?? new Promise(() => undefined);
  }
}

const tell = (options: EventOptions, pod: string) => options.onEvent({ id: null, event: "stats", data: JSON.stringify({ pod_id: pod, uptime_seconds: 1 }) });
const running: Figures[] = [];

function started(...turns: ((options: EventOptions) => Promise<"ended" | "nothing">)[]): { figures: Figures; script: Script; connection: Connection } {
  const script = new Script(turns);
  const connection = new Connection();
  const figures = new Figures(script.api, connection);
  running.push(figures);
  figures.start();
  return { figures, script, connection };
}

afterEach(() => {
  for (const figures of running.splice(0)) figures.stop();
  vi.useRealTimers();
});

describe("Figures", () => {
  it("comes back when the connection breaks, and keeps what it had", async () => {
    vi.useFakeTimers();
    const unreachable = new ApiError(0, "unreachable", "gone");
    const { figures, script, connection } = started(
      (options) => (tell(options, "a"), Promise.reject(unreachable)),
      (options) => (tell(options, "b"), new Promise(() => undefined)),
    );
    await vi.advanceTimersByTimeAsync(100);
    expect(figures.store.getState()).toMatchObject({ phase: "resuming", fault: unreachable });
    expect(connection.store.getState().status).toBe("resuming");
    await vi.advanceTimersByTimeAsync(1000);
    expect(script.asked).toHaveLength(2);
    expect(figures.store.getState().phase).toBe("live");
    expect(figures.store.getState().history.map(({ stats }) => stats.podId)).toEqual(["a", "b"]);
    expect(connection.store.getState().status).toBe("connected");
  });

  it.each([
    [403, "refused"],
    [404, "missing"],
  ])("does not ask again after %i", async (status, phase) => {
    vi.useFakeTimers();
    const { figures, script, connection } = started(() => Promise.reject(new ApiError(status, "code", "no")));
    await vi.advanceTimersByTimeAsync(60_000);
    expect(script.asked).toHaveLength(1);
    expect(figures.store.getState().phase).toBe(phase);
    expect(connection.store.getState().status).toBe("connected");
  });

  it("waits as long as the server says, and longer each time", async () => {
    vi.useFakeTimers();
    const busy = () => Promise.reject(new ApiError(503, "overloaded", "busy", 10));
    const { script } = started(busy, busy);
    await vi.advanceTimersByTimeAsync(9_900);
    expect(script.asked).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(200);
    expect(script.asked).toHaveLength(2);
  });

  it("lets go of the connection when stopped", () => {
    const { figures, script } = started();
    figures.stop();
    expect(script.asked[0]?.signal.aborted).toBe(true);
  });
});
