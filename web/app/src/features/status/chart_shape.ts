import { scaleLinear, type ScaleLinear } from "d3-scale";
import { area, line } from "d3-shape";
import { GAP_MS, spanFor } from "./history.js";

/** A named line of a chart: a value for each point in time, null where there is none. */
export interface Series {
  readonly key: string;
  readonly label: string;
  readonly values: readonly (number | null)[];
  /** The number of its colour (status.css). */
  readonly colour: number;
}

/** What a chart is drawn from. */
export interface ChartData {
  /** Points in time, oldest first, in milliseconds since 1970. */
  readonly at: readonly number[];
  readonly series: readonly Series[];
  /** Whether the values are parts of a whole, drawn on top of each other. */
  readonly stacked: boolean;
  /** Whether only whole numbers make sense on its scale. */
  readonly whole: boolean;
}

/** Paths for one series: the line, and the area below it where there is one. */
export interface Path {
  readonly key: string;
  readonly colour: number;
  readonly line: string;
  readonly area: string | null;
}

export interface Shape {
  readonly x: ScaleLinear<number, number>;
  readonly y: ScaleLinear<number, number>;
  readonly ticks: readonly number[];
  readonly paths: readonly Path[];
}

export const HEIGHT = 148;
/** Room around the plot: for half a label above, the times below, the numbers at the side. */
export const MARGIN = { top: 8, bottom: 22, start: 48, end: 10 } as const;

interface Point {
  readonly at: number;
  readonly low: number;
  readonly high: number | null;
}

/** The points of each series, with a hole wherever nothing was told for a while, or a pod was left. */
function pointsOf({ at, series, stacked }: ChartData, breaks: ReadonlySet<number>): Point[][] {
  const floor = at.map(() => 0);
  return series.map(({ values }) =>
    at.flatMap((time, index) => {
      const value = values[index] ?? null;
      const low = stacked ? (floor[index] ?? 0) : 0;
      const high = value === null ? null : low + value;
      if (stacked) floor[index] = high ?? low;
      const before = at[index - 1];
      const broken = before !== undefined && (breaks.has(index) || time - before > GAP_MS);
      return broken ? [{ at: before, low, high: null }, { at: time, low, high }] : [{ at: time, low, high }];
    }),
  );
}

/** Lays a chart out for a width in pixels. `breaks` are the indices where a line must not go on. */
export function shape(data: ChartData, width: number, breaks: readonly number[]): Shape {
  const points = pointsOf(data, new Set(breaks));
  const end = data.at.at(-1) ?? 0;
  const x = scaleLinear([end - spanFor(data.at), end], [MARGIN.start, Math.max(MARGIN.start + 1, width - MARGIN.end)]);
  // At least 1: an axis from 0 to 0 has no ticks, and the line of a quiet server belongs on the ground.
  const highest = Math.max(0, ...points.flat().map(({ high }) => high ?? 0));
  const y = scaleLinear([0, highest || 1], [HEIGHT - MARGIN.bottom, MARGIN.top]).nice(3);
  const filled = data.stacked || data.series.length === 1;
  // In a stack a part that is nothing lies on the one below it, and would give it its colour.
  const outline = (always: boolean) =>
    line<Point>()
      .defined(({ low, high }) => high !== null && (always || high > low))
      .x((point) => x(point.at))
      .y(({ high }) => y(high ?? 0));
  const ground = area<Point>()
    .defined(({ high }) => high !== null)
    .x((point) => x(point.at))
    .y0(({ low }) => y(low))
    .y1(({ high }) => y(high ?? 0));
  const paths = data.series.map(({ key, colour }, index) => {
    const own = points[index] ?? [];
    return { key, colour, line: outline(!data.stacked || index === 0)(own) ?? "", area: filled ? (ground(own) ?? "") : null };
  });
  return { x, y, ticks: y.ticks(3).filter((tick) => !data.whole || Number.isInteger(tick)), paths };
}

/** The index of the point in time nearest to `time`; null if there is none. */
export function nearest(at: readonly number[], time: number): number | null {
  let best: number | null = null;
  for (const [index, each] of at.entries()) {
    if (best === null || Math.abs(each - time) <= Math.abs((at[best] ?? 0) - time)) best = index;
  }
  return best;
}
