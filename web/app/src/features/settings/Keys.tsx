import { Fragment, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { prefer, usePreferences } from "../../shared/preferences.js";
import { Check } from "./Field.js";

const isApple = /Mac|iPhone|iPad/.test(navigator.platform);
const CONTROL = isApple ? "⌘" : "Ctrl";
const ALT = isApple ? "⌥" : "Alt";

/** What the keys of a shortcut are called, and the text that says what it does. */
const SHORTCUTS: readonly (readonly [keys: readonly string[], does: string])[] = [
  [[CONTROL, "K"], "search"],
  [[CONTROL, "Shift", "O"], "new"],
  [[CONTROL, "Shift", "S"], "sidebar"],
  [[ALT, "↑"], "previous"],
  [[ALT, "↓"], "next"],
  [["/"], "composer"],
  [["Esc"], "stop"],
  [["F2"], "rename"],
  [["Del"], "delete"],
  [["Shift", "F10"], "menu"],
  [["?"], "help"],
];

/** The list of shortcuts. */
export function Shortcuts(): ReactNode {
  const { t } = useTranslation("shell");
  return (
    <dl className="shortcuts">
      {SHORTCUTS.map(([keys, does]) => (
        <div key={does}>
          <dt>{t(`shortcuts.${does}`)}</dt>
          <dd dir="ltr">
            {keys.map((key, at) => (
              <Fragment key={key}>
                {at > 0 && " "}
                <kbd>{key}</kbd>
              </Fragment>
            ))}
          </dd>
        </div>
      ))}
    </dl>
  );
}

/** How the keyboard is used. */
export function Keys(): ReactNode {
  const { t } = useTranslation("shell");
  const { enterSends, singleKeys } = usePreferences((state) => state);
  return (
    <>
      <Check label={t("settings.enterSends")} hint={t(enterSends ? "settings.enterSendsHint" : "settings.enterBreaksHint", { key: CONTROL })} checked={enterSends} onChange={(checked) => prefer({ enterSends: checked })} />
      <Check label={t("settings.singleKeys")} hint={t("settings.singleKeysHint")} checked={singleKeys} onChange={(checked) => prefer({ singleKeys: checked })} />
    </>
  );
}
