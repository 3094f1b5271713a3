import { useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { VisuallyHidden } from "../../shared/ui/VisuallyHidden.js";
import { nearest, type Series } from "./chart_shape.js";
import type { Formats } from "./formats.js";
import { KEPT_MS } from "./history.js";

/** How far apart the rows are, in milliseconds. */
const STEP_MS = 30_000;

interface ChartTableProps {
  title: string;
  at: readonly number[];
  series: readonly Series[];
  format: (value: number | null | undefined) => string;
  formats: Formats;
}

/** The rows' places in the history, newest first; each is there once. */
function rows(at: readonly number[]): number[] {
  const end = at.at(-1) ?? 0;
  const times = Array.from({ length: KEPT_MS / STEP_MS + 1 }, (_, row) => end - row * STEP_MS).filter((time) => time >= (at[0] ?? 0));
  return [...new Set(times.flatMap((time) => nearest(at, time) ?? []))];
}

/** What a chart shows, for who would rather read it. Made only when opened: it changes every second. */
export function ChartTable({ title, at, series, format, formats }: ChartTableProps): ReactNode {
  const { t } = useTranslation("status");
  const [open, setOpen] = useState(false);
  return (
    <details className="chart-table" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        {t("asTable")} <VisuallyHidden>{title}</VisuallyHidden>
      </summary>
      {open ? (
        <div className="status-wide" tabIndex={0} role="group" aria-label={title}>
          <table>
            <thead>
              <tr>
                <th scope="col">{t("time")}</th>
                {series.map(({ key, label }) => (
                  <th key={key} scope="col" className="status-number">
                    {label}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {rows(at).map((row) => (
                <tr key={at[row]}>
                  <th scope="row">{formats.clock(at[row] ?? 0)}</th>
                  {series.map(({ key, values }) => (
                    <td key={key} className="status-number">
                      {format(values[row])}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      ) : null}
    </details>
  );
}
