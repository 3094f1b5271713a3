import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { LANGUAGES } from "../../shared/i18n.js";
import { prefer, usePreferences, type Preferences } from "../../shared/preferences.js";
import { Field } from "./Field.js";

const THEMES: readonly Preferences["theme"][] = ["system", "light", "dark"];

/** Language and theme. */
export function Looks(): ReactNode {
  const { t } = useTranslation("shell");
  const { language, theme } = usePreferences((state) => state);
  return (
    <>
      <Field label={t("settings.language")}>
        {({ id }) => (
          <select id={id} data-testid="language" value={language ?? ""} onChange={(event) => prefer({ language: event.target.value === "" ? null : event.target.value })}>
            <option value="">{t("settings.browserLanguage")}</option>
            {Object.entries(LANGUAGES).map(([code, name]) => (
              <option key={code} value={code} lang={code}>
                {name}
              </option>
            ))}
          </select>
        )}
      </Field>
      <Field label={t("settings.theme")}>
        {({ id }) => (
          <select id={id} data-testid="theme" value={theme} onChange={(event) => prefer({ theme: THEMES.find((one) => one === event.target.value) ?? "system" })}>
            {THEMES.map((one) => (
              <option key={one} value={one}>
                {t(`settings.themes.${one}`)}
              </option>
            ))}
          </select>
        )}
      </Field>
    </>
  );
}
