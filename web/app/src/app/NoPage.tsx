import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "wouter";

/** For an address that names nothing here. */
export function NoPage(): ReactNode {
  const { t } = useTranslation("shell");
  return (
    <div className="missing-page" data-testid="no-page">
      <h1>{t("noPage")}</h1>
      <Link href="/" className="button framed">
        {t("home")}
      </Link>
    </div>
  );
}
