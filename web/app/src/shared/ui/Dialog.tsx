import { useId, useLayoutEffect, useRef, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { IconButton } from "./Button.js";
import { CloseIcon } from "./icons.js";

interface DialogProps {
  title: string;
  onClose: () => void;
  children: ReactNode;
  className?: string;
}

/**
 * A modal window: the browser's own, which keeps the focus in, closes on Escape and makes the rest inert.
 * Mounted is open; `onClose` is called when the reader wants it gone.
 */
export function Dialog({ title, onClose, children, className = "" }: DialogProps): ReactNode {
  const { t } = useTranslation("shell");
  const dialog = useRef<HTMLDialogElement>(null);
  const heading = useId();
  // Before the effects of what is inside, which may want to be seen.
  useLayoutEffect(() => {
    const node = dialog.current;
    const before = document.activeElement;
    node?.showModal();
    return () => {
      node?.close();
      // Removed while open it would give the focus to nobody.
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);
  return (
    <dialog
      ref={dialog}
      className={`dialog ${className}`}
      aria-labelledby={heading}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onPointerDown={(event) => {
        if (event.target === event.currentTarget) onClose();
      }}
    >
      <div className="dialog-body">
        <header className="dialog-head">
          <h2 id={heading}>{title}</h2>
          <IconButton label={t("close")} icon={<CloseIcon />} onClick={onClose} />
        </header>
        {children}
      </div>
    </dialog>
  );
}
