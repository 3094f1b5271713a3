import { Component, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "../shared/ui/Button.js";

function Broken(): ReactNode {
  const { t } = useTranslation("shell");
  return (
    <main className="missing-page" data-testid="broken">
      <p role="alert">{t("update.broken")}</p>
      <Button onClick={() => location.reload()}>{t("update.reload")}</Button>
      <a href="/" className="button framed">
        {t("home")}
      </a>
    </main>
  );
}

/** Where a part of the page cannot be drawn, React takes all of it away: then this says so, and how to go on. */
export class Boundary extends Component<{ children: ReactNode }, { broken: boolean }> {
  override state = { broken: false };

  static getDerivedStateFromError(): { broken: boolean } {
    return { broken: true };
  }

  override render(): ReactNode {
    return this.state.broken ? <Broken /> : this.props.children;
  }
}
