import { useEffect, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { useConnection, useServer } from "../../../shared/server.js";
import { Button } from "../../../shared/ui/Button.js";

/** The whole seconds until a moment; null: it is not known, or now. */
function useSecondsTo(moment: number | null): number | null {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    if (moment === null) return;
    const timer = setInterval(() => setNow(Date.now()), 250);
    return () => clearInterval(timer);
  }, [moment]);
  if (moment === null) return null;
  const left = Math.ceil((moment - now) / 1000);
  return left > 0 ? left : null;
}

/** How the server is reached: next to nothing while it is. */
export function ConnectionStatus(): ReactNode {
  const { t } = useTranslation("conversation");
  const { connection } = useServer();
  const { status, retryAt } = useConnection();
  const left = useSecondsTo(status === "connected" ? null : retryAt);
  return (
    <div className="connection" data-testid="connection" data-status={status}>
      <span className="dot" aria-hidden="true" />
      <span className="words">{t(`connection.${status}`)}</span>
      {left !== null && <span className="words count">{t("connection.again", { count: left })}</span>}
      {status === "offline" && (
        <Button look="quiet" onClick={() => connection.retryNow()}>
          {t("connection.now")}
        </Button>
      )}
    </div>
  );
}
