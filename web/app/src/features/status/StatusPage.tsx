import { useEffect, useMemo, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { useStore } from "zustand";
import { useServer } from "../../shared/server.js";
import { Charts } from "./Charts.js";
import { figuresOf, type Figures } from "./figures.js";
import { useFormats, type Formats } from "./formats.js";
import { rates, type Sample } from "./history.js";
import { Instead, Live, PodNotice } from "./Notices.js";
import type { Stats } from "./stats.js";
import { Faults, Limits, Pods } from "./Tables.js";
import { Tiles } from "./Tiles.js";
import "./status.css";

function About({ stats, formats }: { stats: Stats; formats: Formats }): ReactNode {
  const { t } = useTranslation("status");
  return (
    <p className="status-about">
      {t("pod")} <code dir="ltr">{stats.podId}</code> · {t("version", { version: stats.version })} · {t("up", { span: formats.span(stats.uptimeSeconds) })}
    </p>
  );
}

function Shown({ history, stats, formats }: { history: readonly Sample[]; stats: Stats; formats: Formats }): ReactNode {
  const tokens = useMemo(() => rates(history, (each) => each.pieces).at(-1) ?? null, [history]);
  return (
    <>
      <PodNotice history={history} />
      <Tiles stats={stats} tokensPerSecond={tokens} formats={formats} />
      <Charts history={history} formats={formats} />
      <Pods pods={stats.pods} formats={formats} />
      <div className="status-tables">
        <Limits limits={stats.limits} formats={formats} />
        <Faults stats={stats} formats={formats} />
      </div>
    </>
  );
}

function Read({ figures }: { figures: Figures }): ReactNode {
  const { t } = useTranslation("status");
  const formats = useFormats();
  const { phase, history, fault } = useStore(figures.store);
  useEffect(() => {
    figures.start();
    return () => figures.stop();
  }, [figures]);
  const retry = () => {
    figures.stop();
    figures.start();
  };
  const told = phase === "refused" || phase === "missing" ? undefined : history.at(-1)?.stats;
  return (
    <div className="status-scroll">
      <div className="status" data-testid="status" data-phase={phase}>
        <header className="status-head">
          <h1>{t("title")}</h1>
          {phase === "refused" || phase === "missing" ? null : <Live phase={phase} />}
          {told ? <About stats={told} formats={formats} /> : null}
        </header>
        {told ? <Shown history={history} stats={told} formats={formats} /> : <Instead phase={phase} fault={fault} retry={retry} />}
      </div>
    </div>
  );
}

/** The live figures of the server that is chosen. */
export function StatusPage(): ReactNode {
  const { api, connection } = useServer();
  return <Read figures={figuresOf(api, connection)} />;
}
