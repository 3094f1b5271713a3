import { Fragment, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { prefer, usePreferences } from "../../shared/preferences.js";
import { CONTROL, SHORTCUTS } from "../../shared/shortcuts.js";
import { Check } from "./Field.js";

/** The list of shortcuts. */
export function Shortcuts(): ReactNode {
  const { t } = useTranslation("shell");
  return (
    <dl className="shortcuts">
      {Object.entries(SHORTCUTS).map(([does, keys]) => (
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
