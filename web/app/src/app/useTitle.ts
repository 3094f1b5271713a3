import { useEffect } from "react";
import { useTranslation } from "react-i18next";
import { useLocation } from "wouter";
import { useChat } from "../shared/server.js";

/** The document is called after what it shows. */
export function useTitle(): void {
  const { t } = useTranslation("shell");
  const [path] = useLocation();
  const title = useChat((state) => state.title);
  const shown = path.startsWith("/board") ? t("board") : path.startsWith("/status") ? t("status") : title;
  useEffect(() => {
    document.title = shown === "" ? "Antiphon" : `${shown} · Antiphon`;
  }, [shown]);
}
