import { useEffect, useId, useMemo, useRef, useState, type PointerEvent, type ReactNode, type RefObject } from "react";
import { useTranslation } from "react-i18next";
import { HEIGHT, MARGIN, nearest, shape, type ChartData, type Series, type Shape } from "./chart_shape.js";
import { ChartTable } from "./ChartTable.js";
import type { Formats } from "./formats.js";
import "./chart.css";

export interface ChartProps extends ChartData {
  title: string;
  /** What a reader must know to read it right. */
  note?: string | undefined;
  /** Indices of the points at which another pod began to tell. */
  breaks: readonly number[];
  format: (value: number | null | undefined) => string;
  /** How the scale is written, where that is not the same: there is little room for it. */
  onScale?: ((value: number) => string) | undefined;
  formats: Formats;
}

const MINUTE = 60_000;
/** How far apart the marks of the axis of time are, in milliseconds, by the span that is shown. */
const MARK_EVERY: Readonly<Record<number, number>> = { 60_000: 20_000, 120_000: 40_000, 300_000: MINUTE };
/** Below this width the mark beside "now" would touch it, in pixels. */
const NARROW = 420;

/** The width of an element in pixels, as it changes. */
function useWidth(): [RefObject<HTMLDivElement | null>, number] {
  const ref = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(320);
  useEffect(() => {
    const observer = new ResizeObserver(([entry]) => entry && setWidth(Math.round(entry.contentRect.width)));
    if (ref.current) observer.observe(ref.current);
    return () => observer.disconnect();
  }, []);
  return [ref, width];
}

/** The values of all series at one time: they name the lines, and tell what the pointer is at. */
function Legend({ series, index, format }: { series: readonly Series[]; index: number; format: ChartProps["format"] }): ReactNode {
  return (
    <ul className="chart-legend">
      {series.map(({ key, label, colour, values }) => (
        <li key={key} className={`chart-colour-${colour}`}>
          <svg className="chart-swatch" viewBox="0 0 18 4" aria-hidden="true">
            <line x1="1" x2="17" y1="2" y2="2" />
          </svg>
          {label} <b>{format(values[index])}</b>
        </li>
      ))}
    </ul>
  );
}

function Axes({ drawn, width, onScale, formats }: { drawn: Shape; width: number; onScale: (value: number) => string; formats: Formats }): ReactNode {
  const { t } = useTranslation("status");
  const [start = 0, end = 0] = drawn.x.domain();
  const span = end - start;
  const ago = (ms: number) => (span > 2 * MINUTE ? formats.minutes(-ms / MINUTE) : formats.shortSeconds(-ms / 1000));
  const every = MARK_EVERY[span] ?? MINUTE;
  const nearestMark = width < NARROW ? 2 * every : every;
  const marks = Array.from({ length: Math.floor((span - nearestMark) / every) + 1 }, (_, mark) => span - mark * every);
  return (
    <g className="chart-axes">
      {drawn.ticks.map((tick) => (
        <g key={tick} transform={`translate(0 ${drawn.y(tick)})`}>
          <line x1={MARGIN.start} x2={width - MARGIN.end} />
          <text x={MARGIN.start - 8} dy="0.32em" textAnchor="end">
            {onScale(tick)}
          </text>
        </g>
      ))}
      {marks.map((ms, mark) => (
        <text key={ms} x={drawn.x(end - ms)} y={HEIGHT - 4} textAnchor={mark === 0 ? "start" : "middle"}>
          {ago(ms)}
        </text>
      ))}
      <text x={width - MARGIN.end} y={HEIGHT - 4} textAnchor="end">
        {t("now")}
      </text>
    </g>
  );
}

/** A line or area chart of the last five minutes, with its values in words and as a table. */
export function Chart(props: ChartProps): ReactNode {
  const { title, note, at, series, stacked, whole, breaks, format, onScale = format, formats } = props;
  const { t } = useTranslation("status");
  const id = useId();
  const [ref, width] = useWidth();
  const [pointed, setPointed] = useState<number | null>(null);
  const drawn = useMemo(() => shape({ at, series, stacked, whole }, width, breaks), [at, series, stacked, whole, width, breaks]);
  const last = at.length - 1;
  const index = (pointed === null ? null : nearest(at, pointed)) ?? last;
  const point = (event: PointerEvent<SVGSVGElement>) => setPointed(drawn.x.invert(event.clientX - event.currentTarget.getBoundingClientRect().left));
  const now = series.map(({ label, values }) => `${label} ${format(values[last])}`).join(", ");
  return (
    <figure className="chart" data-stacked={stacked || undefined} aria-labelledby={id}>
      <figcaption>
        <h2 id={id}>{title}</h2>
        {pointed === null ? null : <time>{formats.clock(at[index] ?? 0)}</time>}
      </figcaption>
      <Legend series={series} index={index} format={format} />
      <div ref={ref} className="chart-plot">
        {/* Time runs from left to right in every language, as the figures themselves do. */}
        <svg role="img" aria-label={t("chartNow", { title, now })} direction="ltr" width={width} height={HEIGHT} onPointerMove={point} onPointerLeave={() => setPointed(null)}>
          <Axes drawn={drawn} width={width} onScale={onScale} formats={formats} />
          {breaks.map((each) => (
            <line key={each} className="chart-break" x1={drawn.x(at[each] ?? 0)} x2={drawn.x(at[each] ?? 0)} y1={MARGIN.top} y2={HEIGHT - MARGIN.bottom} />
          ))}
          {drawn.paths.map((path) => (
            <g key={path.key} className={`chart-colour-${path.colour}`}>
              {path.area === null ? null : <path className="chart-area" d={path.area} />}
              <path className="chart-line" d={path.line} />
            </g>
          ))}
          {pointed === null ? null : <line className="chart-pointer" x1={drawn.x(at[index] ?? 0)} x2={drawn.x(at[index] ?? 0)} y1={MARGIN.top} y2={HEIGHT - MARGIN.bottom} />}
        </svg>
      </div>
      {note === undefined ? null : <p className="chart-note">{note}</p>}
      <ChartTable title={title} at={at} series={series} format={format} formats={formats} />
    </figure>
  );
}
