import { useEffect, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { useStore } from "zustand";
import { announce } from "../announce.js";
import { Button, IconButton } from "./Button.js";
import { CloseIcon } from "./icons.js";
import { dismiss, hold, toasts, type Toast } from "./toasts.js";

function One({ toast }: { toast: Toast }): ReactNode {
  const { t } = useTranslation("shell");
  const { id, text, detail, error, action } = toast;
  useEffect(() => {
    if (!error) announce(`${text} ${detail}`);
  }, [text, detail, error]);
  return (
    <div
      className="toast"
      data-error={error || undefined}
      role={error ? "alert" : undefined}
      onPointerEnter={() => hold(id, "pointer", true)}
      onPointerLeave={() => hold(id, "pointer", false)}
      onFocus={() => hold(id, "focus", true)}
      onBlur={() => hold(id, "focus", false)}
    >
      <p>
        <span>{text}</span>
        {detail !== "" && <span className="detail">{detail}</span>}
      </p>
      {action !== null && (
        <Button
          data-testid={action.testId}
          onClick={() => {
            action.run();
            dismiss(id);
          }}
        >
          {action.label}
        </Button>
      )}
      <IconButton label={t("close")} icon={<CloseIcon />} onClick={() => dismiss(id)} />
    </div>
  );
}

/** Where the page's short messages appear. */
export function Toasts(): ReactNode {
  const { t } = useTranslation("shell");
  const shown = useStore(toasts);
  return (
    <section className="toasts" aria-label={t("notices")}>
      {shown.map((one) => (
        <One key={one.id} toast={one} />
      ))}
    </section>
  );
}
