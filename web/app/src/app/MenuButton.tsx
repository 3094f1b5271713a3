import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { IconButton } from "../shared/ui/Button.js";
import { MenuIcon } from "../shared/ui/icons.js";
import { MENU_ID, SIDE_ID, type Drawer } from "./useDrawer.js";

/** The way to the sidebar where it is away. */
export function MenuButton({ drawer }: { drawer: Drawer }): ReactNode {
  const { t } = useTranslation("shell");
  if (drawer.shown && !drawer.over) return null;
  return <IconButton id={MENU_ID} className="menu-button" label={t("openSidebar")} icon={<MenuIcon />} shortcut="sidebar" aria-expanded={drawer.shown} aria-controls={SIDE_ID} data-testid="menu" onClick={() => drawer.show(true)} />;
}
