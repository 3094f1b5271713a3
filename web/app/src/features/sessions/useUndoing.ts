import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { useLocation } from "wouter";
import { keysOf } from "../../shared/shortcuts.js";
import { toast } from "../../shared/ui/toasts.js";
import { UNDO_MS, type Deletions } from "./deletions.js";
import { focusRestored } from "./focus.js";
import { Undoing } from "./undoing.js";

/** So much of a title is told, in characters: what happened to it stands after it. */
const TITLE = 40;

function short(title: string): string {
  const characters = Array.from(title);
  return characters.length <= TITLE ? title : `${characters.slice(0, TITLE - 1).join("").trimEnd()}…`;
}

/** The deletions that the reader can take back, told in the page's messages. */
export function useUndoing(deletions: Deletions): Undoing {
  const { t } = useTranslation("shell");
  const [, navigate] = useLocation();
  return useMemo(
    () =>
      new Undoing(deletions, {
        tell(sessions, run, onTime) {
          const [first] = sessions;
          const one = sessions.length === 1;
          const text = one ? t("sessions.deleted", { title: short(first?.title || t("untitled")) }) : t("sessions.deletedMany", { count: sessions.length });
          return toast(text, { ms: UNDO_MS, action: { label: t(one ? "undo" : "sessions.undoAll"), testId: "undo", keys: keysOf("undo"), run }, onTime });
        },
        open: (id) => navigate(id === null ? "/" : `/c/${encodeURIComponent(id)}`),
        back: focusRestored,
      }),
    [deletions, t, navigate],
  );
}
