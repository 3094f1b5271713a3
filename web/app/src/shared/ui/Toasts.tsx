import { useEffect, useRef, type FocusEvent, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { useStore } from "zustand";
import { announce } from "../announce.js";
import { Button, IconButton } from "./Button.js";
import { CloseIcon } from "./icons.js";
import { dismiss, hold, toasts, type Toast, type ToastAction } from "./toasts.js";

/** What its action is called, with the keys that do the same. */
const named = (action: ToastAction): string => (action.keys === undefined ? action.label : `${action.label} (${action.keys})`);

/** `onGone`: it went because the reader said so. */
function One({ toast, onGone }: { toast: Toast; onGone: () => void }): ReactNode {
  const { t } = useTranslation("shell");
  const { id, text, detail, error, action } = toast;
  const keys = action?.keys === undefined ? "" : named(action);
  useEffect(() => {
    if (!error) announce(`${text} ${detail} ${keys}`);
  }, [text, detail, error, keys]);
  const go = (): void => {
    dismiss(id);
    onGone();
  };
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
          title={keys === "" ? undefined : keys}
          onClick={() => {
            action.run();
            go();
          }}
        >
          {action.label}
        </Button>
      )}
      <IconButton label={t("close")} icon={<CloseIcon />} onClick={go} />
    </div>
  );
}

/** Give the focus back, unless it went somewhere: to what had it, else to the page's main part. */
function focusAgain(before: Element | null): void {
  if (document.activeElement !== null && document.activeElement !== document.body) return;
  if (before instanceof HTMLElement) before.focus();
  if (document.activeElement === document.body) document.querySelector<HTMLElement>("main")?.focus();
}

/** Where the page's short messages appear. */
export function Toasts(): ReactNode {
  const { t } = useTranslation("shell");
  const shown = useStore(toasts);
  // Where the focus was before it came here: with the message it would be lost to the page (WCAG 2.4.3).
  const before = useRef<Element | null>(null);
  const onFocus = ({ currentTarget, relatedTarget }: FocusEvent): void => {
    if (!currentTarget.contains(relatedTarget)) before.current = relatedTarget;
  };
  const back = (): void => {
    // After what the action drew has taken the focus, if it does.
    requestAnimationFrame(() => requestAnimationFrame(() => focusAgain(before.current)));
  };
  return (
    <section className="toasts" aria-label={t("notices")} onFocus={onFocus}>
      {shown.map((one) => (
        <One key={one.id} toast={one} onGone={back} />
      ))}
    </section>
  );
}
