import { useMemo, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Chart } from "./Chart.js";
import type { Series } from "./chart_shape.js";
import type { Formats } from "./formats.js";
import { changes, namesIn, rates, RATE_SECONDS, type Sample } from "./history.js";
import type { Durations, Stats } from "./stats.js";

const QUANTILES = ["p50", "p95", "p99"] as const;
/** How a reply can end, with colours that say so: green, ochre, red. */
const STATES = [
  ["complete", 3],
  ["stopped", 2],
  ["failed", 0],
] as const;
/** More kinds of connections than these are drawn as one: nobody tells more colours apart. */
const KINDS = ["sse", "websocket"] as const;

const quantiles = (history: readonly Sample[], pick: (stats: Stats) => Durations): Series[] =>
  QUANTILES.map((key, colour) => ({ key, colour, label: key, values: history.map(({ stats }) => pick(stats)[key]) }));

function connections(history: readonly Sample[], label: (kind: string) => string): Series[] {
  const known: readonly string[] = KINDS;
  const others = namesIn(history, (stats) => stats.connections).filter((kind) => !known.includes(kind));
  const total = (stats: Stats, kinds: readonly string[]) => kinds.reduce((all, kind) => all + (stats.connections[kind] ?? 0), 0);
  const series = (key: string, kinds: readonly string[], colour: number) => ({ key, colour, label: label(key), values: history.map(({ stats }) => total(stats, kinds)) });
  return [...known.map((kind, colour) => series(kind, [kind], colour)), ...(others.length > 0 ? [series("other", others, known.length)] : [])];
}

/** The lines of all charts; made once for each telling. */
function useSeries(history: readonly Sample[]) {
  const { t } = useTranslation("status");
  return useMemo(
    () => ({
      at: history.map(({ at }) => at),
      breaks: changes(history),
      connections: connections(history, (kind) => t(`kind.${kind}`)),
      turns: [
        { key: "running", colour: 0, label: t("runningNow"), values: history.map(({ stats }) => stats.runningTurns + stats.passingReplies) },
        { key: "queued", colour: 1, label: t("queuedNow"), values: history.map(({ stats }) => stats.queuedTurns) },
      ],
      tokens: [{ key: "tokens", colour: 0, label: t("tokens"), values: rates(history, ({ pieces }) => pieces) }],
      firstToken: quantiles(history, ({ firstToken }) => firstToken),
      response: quantiles(history, ({ response }) => response),
      replies: STATES.map(([state, colour]) => ({ key: state, colour, label: t(`state.${state}`), values: rates(history, ({ turns }) => turns[state] ?? 0) })),
    }),
    [history, t],
  );
}

/** The last five minutes in lines. */
export function Charts({ history, formats }: { history: readonly Sample[]; formats: Formats }): ReactNode {
  const { t } = useTranslation("status");
  const { at, breaks, ...series } = useSeries(history);
  const common = { at, breaks, formats, stacked: false, whole: false };
  const averaged = t("averaged", { count: RATE_SECONDS });
  return (
    <div className="status-charts">
      <Chart {...common} title={t("connections")} series={series.connections} stacked whole format={formats.count} />
      <Chart {...common} title={t("running")} series={series.turns} whole format={formats.count} />
      <Chart {...common} title={t("tokensPerSecond")} series={series.tokens} format={formats.rate} />
      <Chart {...common} title={t("firstToken")} series={series.firstToken} format={formats.briefSeconds} onScale={formats.scaleSeconds} note={t("sinceStart")} />
      <Chart {...common} title={t("response")} series={series.response} format={formats.briefSeconds} onScale={formats.scaleSeconds} note={t("sinceStart")} />
      <Chart {...common} title={t("repliesPerSecond")} series={series.replies} stacked format={formats.rate} note={averaged} />
    </div>
  );
}
