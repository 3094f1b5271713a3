import { useEffect, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { clearDrafts } from "../../shared/drafts.js";
import { clearOffline } from "../../shared/offline.js";
import { useServer } from "../../shared/server.js";
import { Button } from "../../shared/ui/Button.js";
import { toast } from "../../shared/ui/toasts.js";

/** What a server tells of the pod that answered; empty where it does not tell. */
interface Pod {
  version: string;
  pod: string;
}

async function ask(base: string, signal: AbortSignal): Promise<Pod> {
  const told = (await (await fetch(`${base}/health`, { signal, credentials: base === "" ? "same-origin" : "omit" })).json()) as Record<string, unknown>;
  const text = (value: unknown) => (typeof value === "string" ? value : "");
  return { version: text(told["version"]), pod: text(told["pod_id"]) };
}

function usePod(base: string): Pod {
  const [pod, setPod] = useState<Pod>({ version: "", pod: "" });
  useEffect(() => {
    const gone = new AbortController();
    // Nothing depends on it: where the server does not answer, the line is left out.
    ask(base, gone.signal).then(setPod, () => undefined);
    return () => gone.abort();
  }, [base]);
  return pod;
}

/** What runs here, and what this browser keeps. */
export function About({ onClose }: { onClose: () => void }): ReactNode {
  const { t } = useTranslation("shell");
  const { server, settings } = useServer();
  const { version, pod } = usePod(server.url);
  const forget = (): void => {
    clearDrafts();
    void clearOffline().then(() => toast(t("settings.forgotten")));
    onClose();
  };
  return (
    <>
      <p>{t("settings.promise")}</p>
      {version !== "" && <p className="hint">{t("settings.version", { version, pod })}</p>}
      <p className="links">
        <a href={`${server.url}/docs`}>{t("settings.docs")}</a>
        {settings?.status === true && <a href="/status">{t("status")}</a>}
        <a href="/licenses.txt">{t("settings.licences")}</a>
      </p>
      <Button onClick={forget}>{t("settings.forget")}</Button>
      <p className="hint">{t("settings.forgetHint")}</p>
    </>
  );
}
