import { useEffect, useId, useRef, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import type { Server } from "../../shared/server.js";
import { Dialog } from "../../shared/ui/Dialog.js";
import { About } from "./About.js";
import { Keys, Shortcuts } from "./Keys.js";
import { Looks } from "./Looks.js";
import { Servers } from "./Servers.js";
import { canSpeak, Voice } from "./Voice.js";

function Part({ title, shown = false, children }: { title: string; shown?: boolean; children: ReactNode }): ReactNode {
  const heading = useId();
  const part = useRef<HTMLElement>(null);
  useEffect(() => {
    if (!shown) return;
    part.current?.scrollIntoView();
    part.current?.focus();
  }, [shown]);
  return (
    <section ref={part} tabIndex={-1} aria-labelledby={heading}>
      <h3 id={heading}>{title}</h3>
      {children}
    </section>
  );
}

export interface SettingsProps {
  /** The part it opens at. */
  at: "settings" | "shortcuts";
  onClose: () => void;
  /** Another server was chosen. */
  onServer: (server: Server) => void;
}

/** What the reader can choose. All is kept in this browser, and holds at once. */
export function SettingsDialog({ at, onClose, onServer }: SettingsProps): ReactNode {
  const { t } = useTranslation("shell");
  return (
    <Dialog title={t("settings.title")} onClose={onClose} className="settings">
      <Part title={t("settings.looks")}>
        <Looks />
      </Part>
      <Part title={t("settings.servers")}>
        <Servers onServer={onServer} />
      </Part>
      {canSpeak() && (
        <Part title={t("settings.speech")}>
          <Voice />
        </Part>
      )}
      <Part title={t("settings.keyboard")}>
        <Keys />
      </Part>
      <Part title={t("shortcuts.title")} shown={at === "shortcuts"}>
        <Shortcuts />
      </Part>
      <Part title={t("settings.about")}>
        <About onClose={onClose} />
      </Part>
    </Dialog>
  );
}
