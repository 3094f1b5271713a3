import { MainContainer } from "@chatscope/chat-ui-kit-react";
import { useEffect, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { useLocation } from "wouter";
import { later } from "../shared/ui/later.js";
import { LiveRegion } from "../shared/ui/LiveRegion.js";
import { Toasts } from "../shared/ui/Toasts.js";
import { MenuButton } from "./MenuButton.js";
import { Pages } from "./Pages.js";
import { Side } from "./Side.js";
import { useDrawer } from "./useDrawer.js";
import { useMissingParts } from "./useMissingParts.js";
import { useShellKeys } from "./useShellKeys.js";
import { useTitle } from "./useTitle.js";
import { useUpdates } from "./useUpdates.js";
import { useVisible } from "./useVisible.js";

const SettingsDialog = later(() => import("../features/settings/index.js").then(({ SettingsDialog: dialog }) => dialog), Closed);
const MAIN_ID = "main";

/** In the place of a dialog that could not be loaded: as if it had been closed. Why is told elsewhere. */
function Closed({ onClose }: { onClose: () => void }): null {
  useEffect(onClose);
  return null;
}

/** The page around what it shows: sidebar, bar at the top, notices, settings. */
export function Shell(): ReactNode {
  const { t } = useTranslation("shell");
  const drawer = useDrawer();
  const [settings, setSettings] = useState<"settings" | "shortcuts" | null>(null);
  const [path, navigate] = useLocation();
  useTitle();
  useVisible();
  useUpdates();
  useMissingParts();
  useShellKeys({ drawer, onHelp: () => setSettings("shortcuts") });
  return (
    <>
      <a className="skip" href={`#${MAIN_ID}`} inert={drawer.over}>
        {t("skip")}
      </a>
      <MainContainer className="shell" data-sidebar={drawer.shown ? "open" : "closed"}>
        <Side drawer={drawer} onSettings={() => setSettings("settings")} />
        <main id={MAIN_ID} tabIndex={-1} inert={drawer.over}>
          <Pages leading={<MenuButton drawer={drawer} />} />
        </main>
        {drawer.over && <div className="veil" onPointerDown={() => drawer.show(false)} />}
      </MainContainer>
      {settings !== null && (
        <SettingsDialog
          at={settings}
          onClose={() => setSettings(null)}
          onServer={({ kind }) => {
            const place = kind === "board" ? "/board" : "/";
            if (path !== place) navigate(place);
          }}
        />
      )}
      <Toasts />
      <LiveRegion />
    </>
  );
}
