import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import type { Formats } from "./formats.js";
import type { Stats } from "./stats.js";

const sum = (counts: Readonly<Record<string, number>>) => Object.values(counts).reduce((all, count) => all + count, 0);

function Tile({ label, value, note }: { label: string; value: string; note: string }): ReactNode {
  return (
    <div className="status-tile">
      <dt>{label}</dt>
      <dd className="status-value">{value}</dd>
      <dd className="status-note">{note}</dd>
    </div>
  );
}

/** The newest figures in large. */
export function Tiles({ stats, tokensPerSecond, formats }: { stats: Stats; tokensPerSecond: number | null; formats: Formats }): ReactNode {
  const { t } = useTranslation("status");
  const { briefSeconds, count, rate, seconds, share } = formats;
  const slower = ({ p95, p99 }: Stats["response"]) => t("slower", { p95: briefSeconds(p95), p99: briefSeconds(p99) });
  const asked = stats.cache.hits + stats.cache.misses;
  const ended = sum(stats.turns);
  const told = (key: string, value: number) => t(key, { count: value, shown: count(value) });
  return (
    <dl className="status-tiles">
      <Tile label={t("connections")} value={count(stats.activeConnections)} note={told("inSessions", stats.activeSessions)} />
      <Tile label={t("running")} value={count(stats.runningTurns + stats.passingReplies)} note={stats.queuedTurns === null ? t("queueUnknown") : told("waiting", stats.queuedTurns)} />
      <Tile label={t("tokensPerSecond")} value={rate(tokensPerSecond)} note={told("tokensInAll", stats.tokens)} />
      <Tile label={t("firstToken")} value={seconds(stats.firstToken.p50)} note={slower(stats.firstToken)} />
      <Tile label={t("response")} value={seconds(stats.response.p50)} note={slower(stats.response)} />
      <Tile label={t("cacheHits")} value={share(stats.cache.hitRate)} note={t("ofAsked", { hits: count(stats.cache.hits), asked: count(asked) })} />
      <Tile label={t("success")} value={share(stats.successRate)} note={told("ended", ended)} />
      <Tile label={t("refusals")} value={count(sum(stats.refused))} note={t("sinceStart")} />
    </dl>
  );
}
