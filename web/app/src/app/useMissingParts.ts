import { useEffect, useEffectEvent } from "react";
import { useTranslation } from "react-i18next";
import { remedy } from "../shared/missing_parts.js";
import { useServer } from "../shared/server.js";
import { toast } from "../shared/ui/toasts.js";

let told: (() => void) | null = null;

/** Loads the page anew where a part of it is gone from the server, or says what to do: one message at a time. */
export function useMissingParts(): void {
  const { t } = useTranslation("shell");
  const { chat } = useServer();
  const busy = (): boolean => {
    const { running, messages } = chat.store.getState();
    return running !== null || [...messages.values()].some(({ status }) => status === "sending");
  };
  const onMissing = useEffectEvent(async () => {
    const what = await remedy(busy);
    if (what === "reload") {
      location.reload();
      return;
    }
    told?.();
    const action = { label: t("update.reload"), run: () => location.reload() };
    told = what === "away" ? toast(t("update.away"), { error: true }) : toast(t("update.missing"), { ms: null, action });
  });
  useEffect(() => {
    const listener = (): void => void onMissing();
    addEventListener("vite:preloadError", listener);
    return () => removeEventListener("vite:preloadError", listener);
  }, []);
}
