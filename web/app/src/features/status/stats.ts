/** What `/stats` tells of durations since the pod began, in seconds; null where there was none yet. */
export interface Durations {
  readonly count: number;
  readonly p50: number | null;
  readonly p95: number | null;
  readonly p99: number | null;
}

/** A pod of the fleet, as the pod that was asked sees it. */
export interface Pod {
  readonly id: string;
  /** Whether it is the one that tells. */
  readonly isThis: boolean;
  /** Whether it makes replies; else it serves readers only. Null: not told. */
  readonly works: boolean | null;
  readonly runningTurns: number | null;
  readonly startedAt: string | null;
  /** Seconds until the others take its replies over; below 0: they may already. */
  readonly leaseSecondsLeft: number | null;
}

/** A bound and how much of it is used: by this pod, or by the busiest of those that a rate counts. */
export interface Limit {
  readonly name: string;
  /** Null: not known. */
  readonly used: number | null;
  readonly most: number;
  /** The span that a rate is counted in (`minute`); null where it is no rate. */
  readonly per: string | null;
  /** How often a rate said no since the pod began. */
  readonly refused: number | null;
}

/** One telling of `/stats/events`. Counters run since the pod began. */
export interface Stats {
  readonly version: string;
  readonly podId: string;
  readonly uptimeSeconds: number;
  readonly leaving: boolean;
  readonly activeConnections: number;
  readonly connections: Readonly<Record<string, number>>;
  readonly activeSessions: number;
  readonly runningTurns: number;
  readonly passingReplies: number;
  /** Null: the store did not tell. */
  readonly queuedTurns: number | null;
  readonly turns: Readonly<Record<string, number>>;
  readonly successRate: number | null;
  readonly faults: Readonly<Record<string, number>>;
  /** Of replies that have ended. */
  readonly tokens: number;
  /** Of replies under way too: what came from models, about a token each. */
  readonly pieces: number;
  readonly firstToken: Durations;
  readonly response: Durations;
  readonly cache: { readonly hits: number; readonly misses: number; readonly hitRate: number | null };
  readonly refused: Readonly<Record<string, number>>;
  readonly limits: readonly Limit[];
  readonly pods: readonly Pod[];
}

type Told = Record<string, unknown>;

const object = (value: unknown): Told => (typeof value === "object" && value !== null ? (value as Told) : {});
const list = (value: unknown): Told[] => (Array.isArray(value) ? value.map(object) : []);
const number = (value: unknown): number | null => (typeof value === "number" && Number.isFinite(value) ? value : null);
const text = (value: unknown): string | null => (typeof value === "string" ? value : null);

function counts(value: unknown): Record<string, number> {
  return Object.fromEntries(Object.entries(object(value)).flatMap(([name, count]) => (number(count) === null ? [] : [[name, count as number]])));
}

function durations(value: unknown): Durations {
  const told = object(value);
  return { count: number(told["count"]) ?? 0, p50: number(told["p50"]), p95: number(told["p95"]), p99: number(told["p99"]) };
}

function limit(told: Told): Limit {
  return { name: text(told["name"]) ?? "", used: number(told["used"]), most: number(told["most"]) ?? 0, per: text(told["per"]), refused: number(told["refused"]) };
}

function pod(told: Told): Pod {
  return {
    id: text(told["id"]) ?? "",
    isThis: told["this"] === true,
    works: typeof told["works"] === "boolean" ? told["works"] : null,
    runningTurns: number(told["running_turns"]),
    startedAt: text(told["started_at"]),
    leaseSecondsLeft: number(told["lease_seconds_left"]),
  };
}

/**
 * Reads one telling. Null if it is not one at all; what is missing in it is 0, empty or null, since the page may be
 * older or newer than the pod that answers it during a rolling deploy.
 */
export function readStats(data: string): Stats | null {
  let told: Told;
  try {
    told = object(JSON.parse(data));
  } catch {
    return null;
  }
  const podId = text(told["pod_id"]);
  const uptimeSeconds = number(told["uptime_seconds"]);
  if (podId === null || uptimeSeconds === null) return null;
  const cache = object(told["cache"]);
  return {
    podId,
    uptimeSeconds,
    version: text(told["version"]) ?? "",
    leaving: told["leaving"] === true,
    activeConnections: number(told["active_connections"]) ?? 0,
    connections: counts(told["connections"]),
    activeSessions: number(told["active_sessions"]) ?? 0,
    runningTurns: number(told["running_turns"]) ?? 0,
    passingReplies: number(told["passing_replies"]) ?? 0,
    queuedTurns: number(told["queued_turns"]),
    turns: counts(told["turns"]),
    successRate: number(told["success_rate"]),
    faults: counts(told["faults"]),
    tokens: number(told["tokens"]) ?? 0,
    pieces: number(told["pieces"]) ?? 0,
    firstToken: durations(told["first_chunk_seconds"]),
    response: durations(told["response_seconds"]),
    cache: { hits: number(cache["hits"]) ?? 0, misses: number(cache["misses"]) ?? 0, hitRate: number(cache["hit_rate"]) },
    refused: counts(told["refused"]),
    limits: list(told["limits"]).map(limit),
    pods: list(told["pods"]).map(pod),
  };
}
