import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { useSecondsTo } from "../../../shared/hooks/useSecondsTo.js";
import { useConnection, useServer } from "../../../shared/server.js";
import { Button } from "../../../shared/ui/Button.js";

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
