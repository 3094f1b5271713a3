import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "../shared/ui/Button.js";

/** In the place of a page that could not be loaded. */
export function MissingPage(): ReactNode {
  const { t } = useTranslation("shell");
  return (
    <div className="missing-page">
      <p>{t("update.missing")}</p>
      <Button onClick={() => location.reload()}>{t("update.reload")}</Button>
    </div>
  );
}
