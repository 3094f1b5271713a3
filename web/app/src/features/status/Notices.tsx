import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { useConnection } from "../../shared/server.js";
import { Button } from "../../shared/ui/Button.js";
import type { FiguresState } from "./figures.js";
import type { Sample } from "./history.js";

/** How long it is told that another pod tells now, in milliseconds. */
const TOLD_MS = 60_000;

/** The pod that told the figures before this one, if that changed a short while ago. */
function podBefore(history: readonly Sample[]): string | null {
  const last = history.at(-1);
  const before = history.findLast(({ at, stats }) => last !== undefined && stats.podId !== last.stats.podId && last.at - at < TOLD_MS);
  return before?.stats.podId ?? null;
}

/** What the figures' reader must know of where they come from: another pod now, or one that leaves. */
export function PodNotice({ history }: { history: readonly Sample[] }): ReactNode {
  const { t } = useTranslation("status");
  const stats = history.at(-1)?.stats;
  const before = podBefore(history);
  if (!stats) return null;
  const text = stats.leaving ? t("leaving", { pod: stats.podId }) : before === null ? null : t("podChanged", { pod: stats.podId, before });
  return text === null ? null : <p className="status-notice">{text}</p>;
}

/** How to see the figures from where they are not told. */
function Refused({ detail, retry }: { detail: string; retry: () => void }): ReactNode {
  const { t } = useTranslation("status");
  return (
    <div className="status-message" role="alert">
      <h2>{t("refusedTitle")}</h2>
      <p>{t("refusedWhy")}</p>
      <ul>
        <li>
          {t("refusedThere")} <code dir="ltr">http://127.0.0.1:8000/status</code>
        </li>
        <li>
          {t("refusedTunnel")} <code dir="ltr">ssh -L 8000:127.0.0.1:8000 {location.hostname}</code>
        </li>
      </ul>
      <p className="status-note">{t("refusedPort")}</p>
      <p className="status-note" lang="en" dir="ltr">
        {detail}
      </p>
      <Button onClick={retry}>{t("tryAgain")}</Button>
    </div>
  );
}

/** What is shown in place of figures: that they are on their way, or why they are not told. */
export function Instead({ phase, fault, retry }: Pick<FiguresState, "phase" | "fault"> & { retry: () => void }): ReactNode {
  const { t } = useTranslation("status");
  if (phase === "refused") return <Refused detail={fault?.message ?? ""} retry={retry} />;
  const text = phase === "missing" ? t("missing") : fault ? t("unreachable") : t("connecting");
  return (
    <div className="status-message" role="status">
      <p>{text}</p>
      {fault && phase !== "missing" ? <Button onClick={retry}>{t("tryAgain")}</Button> : null}
    </div>
  );
}

/** Whether what is shown is live. */
export function Live({ phase }: Pick<FiguresState, "phase">): ReactNode {
  const { t } = useTranslation("status");
  const { retryAt } = useConnection();
  const shown = phase === "live" || phase === "resuming" ? phase : "connecting";
  return (
    <span className="status-live" data-phase={shown} aria-busy={retryAt === null && shown !== "live"}>
      {t(`phase.${shown}`)}
    </span>
  );
}
