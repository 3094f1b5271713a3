import { useEffect, useEffectEvent } from "react";
import { useTranslation } from "react-i18next";
import { registerServiceWorker } from "../shared/service_worker.js";
import { toast } from "../shared/ui/toasts.js";

let registered = false;

/** Keeps the page at hand without a network, and offers a new version of it when there is one. */
export function useUpdates(): void {
  const { t } = useTranslation("shell");
  const offer = useEffectEvent((reload: () => void) => {
    toast(t("update.ready"), { ms: null, action: { label: t("update.reload"), run: reload } });
  });
  useEffect(() => {
    if (registered) return;
    registered = true;
    registerServiceWorker((reload) => offer(reload));
  }, []);
}
