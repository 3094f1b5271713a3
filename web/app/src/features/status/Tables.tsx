import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import type { Formats } from "./formats.js";
import type { Limit, Pod, Stats } from "./stats.js";

interface TableProps {
  title: string;
  columns: readonly { label: string; numeric?: boolean }[];
  /** Said where there is no row. */
  empty: string;
  rows: readonly { key: string; cells: readonly ReactNode[]; current?: boolean }[];
  note?: string;
  testId?: string;
}

function Table({ title, columns, empty, rows, note, testId }: TableProps): ReactNode {
  const numeric = (column: number) => (columns[column]?.numeric ? "status-number" : undefined);
  return (
    <section className="status-section" data-testid={testId}>
      <h2>{title}</h2>
      {rows.length === 0 ? (
        <p className="status-empty">{empty}</p>
      ) : (
        <div className="status-wide" tabIndex={0} role="group" aria-label={title}>
          <table>
            <thead>
              <tr>
                {columns.map(({ label }, column) => (
                  <th key={label} scope="col" className={numeric(column)}>
                    {label}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {rows.map(({ key, cells, current }) => (
                <tr key={key} aria-current={current || undefined}>
                  {cells.map((cell, column) => (
                    <td key={columns[column]?.label} className={numeric(column)}>
                      {cell}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
          {note === undefined ? null : <p className="status-note">{note}</p>}
        </div>
      )}
    </section>
  );
}

function Lease({ pod, formats }: { pod: Pod; formats: Formats }): ReactNode {
  const { t } = useTranslation("status");
  const left = pod.leaseSecondsLeft;
  if (left === null || left >= 0) return formats.span(left);
  return <span className="status-warn">{t("expired", { span: formats.span(-left) })}</span>;
}

/** The pods of the fleet and what each holds. */
export function Pods({ pods, formats }: { pods: readonly Pod[]; formats: Formats }): ReactNode {
  const { t } = useTranslation("status");
  const rows = pods.map((pod) => ({
    key: pod.id,
    current: pod.isThis,
    cells: [
      <span key="id" className="status-pod">
        <code dir="ltr">{pod.id}</code> {pod.isThis ? <span className="status-tag">{t("thisPod")}</span> : null}
      </span>,
      pod.works === null ? formats.count(null) : t(pod.works ? "makesReplies" : "servesReaders"),
      formats.count(pod.runningTurns),
      <Lease key="lease" pod={pod} formats={formats} />,
      formats.moment(pod.startedAt),
    ],
  }));
  const columns = [
    { label: t("pod") },
    { label: t("role") },
    { label: t("runningTurns"), numeric: true },
    { label: t("leaseLeft"), numeric: true },
    { label: t("upSince") },
  ];
  return <Table title={t("pods")} columns={columns} rows={rows} empty={t("noPods")} testId="status-pods" />;
}

function Used({ limit, formats }: { limit: Limit; formats: Formats }): ReactNode {
  const { t } = useTranslation("status");
  const { used, most, per } = limit;
  const share = used === null || most === 0 ? 0 : Math.min(1, used / most);
  return (
    <span className="status-used">
      <span className="status-bar" data-full={share >= 0.8 || undefined} aria-hidden="true">
        <span style={{ inlineSize: `${share * 100}%` }} />
      </span>
      {t("usedOf", { used: formats.count(used), most: formats.count(most) })} {per === null ? null : t(`per.${per}`, { defaultValue: per })}
    </span>
  );
}

/** What the limits allow, how much of it is used, and how often they said no. */
export function Limits({ limits, formats }: { limits: readonly Limit[]; formats: Formats }): ReactNode {
  const { t } = useTranslation("status");
  const rows = limits.map((limit) => ({
    key: limit.name,
    cells: [t(`limit.${limit.name}`, { defaultValue: limit.name }), <Used key="used" limit={limit} formats={formats} />, formats.count(limit.refused)],
  }));
  const columns = [{ label: t("limitOf") }, { label: t("used") }, { label: t("refusedTimes"), numeric: true }];
  return <Table title={t("limits")} note={t("busiest")} columns={columns} rows={rows} empty={t("noLimits")} />;
}

function Counted({ title, empty, name, counts, formats }: { title: string; empty: string; name: string; counts: Stats["faults"]; formats: Formats }): ReactNode {
  const { t } = useTranslation("status");
  const rows = Object.entries(counts)
    .sort(([, one], [, other]) => other - one)
    .map(([code, count]) => ({ key: code, cells: [<code key="code" dir="ltr">{code}</code>, formats.count(count)] }));
  return <Table title={title} columns={[{ label: name }, { label: t("times"), numeric: true }]} rows={rows} empty={empty} />;
}

/** Replies that failed, and requests that were refused, by error code. */
export function Faults({ stats, formats }: { stats: Stats; formats: Formats }): ReactNode {
  const { t } = useTranslation("status");
  return (
    <>
      <Counted title={t("faults")} empty={t("noFaults")} name={t("code")} counts={stats.faults} formats={formats} />
      <Counted title={t("refused")} empty={t("noRefusals")} name={t("code")} counts={stats.refused} formats={formats} />
    </>
  );
}
