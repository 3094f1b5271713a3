import { useLayoutEffect, useRef, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { useErrorText } from "../../../shared/errors.js";
import { useChat, useServer } from "../../../shared/server.js";
import { toast } from "../../../shared/ui/toasts.js";
import { isComposing } from "../keys.js";

/** The most characters of a title that the server takes. */
const LONGEST = 200;

function Renaming({ title, onDone }: { title: string; onDone: (title: string | null, back: boolean) => void }): ReactNode {
  const { t } = useTranslation("conversation");
  const [text, setText] = useState(title);
  const field = useRef<HTMLInputElement>(null);
  useLayoutEffect(() => {
    field.current?.focus();
    field.current?.select();
  }, []);
  return (
    <form
      className="title-form"
      onSubmit={(event) => {
        event.preventDefault();
        onDone(text, true);
      }}
    >
      <input
        ref={field}
        aria-label={t("titleLabel")}
        data-testid="title-text"
        dir="auto"
        maxLength={LONGEST}
        value={text}
        onChange={(event) => setText(event.target.value)}
        onBlur={() => onDone(text, false)}
        onKeyDown={(event) => {
          if (event.key !== "Escape" || isComposing(event)) return;
          event.stopPropagation();
          onDone(null, true);
        }}
      />
    </form>
  );
}

interface TitleProps {
  /** The id of the session of which the title is being changed. */
  renaming: string | null;
  onRenaming: (id: string | null) => void;
}

/** The conversation's title; pressed, or F2 on it, it can be changed in place. */
export function Title({ renaming, onRenaming }: TitleProps): ReactNode {
  const { t } = useTranslation("conversation");
  const { chat } = useServer();
  const errorText = useErrorText();
  const id = useChat((state) => state.id);
  const title = useChat((state) => state.title);
  const button = useRef<HTMLButtonElement>(null);
  const done = (text: string | null, back: boolean): void => {
    onRenaming(null);
    // Who has gone on to another place stays there.
    if (back) requestAnimationFrame(() => button.current?.focus());
    const wanted = text?.trim() ?? "";
    if (wanted === "" || wanted === title) return;
    chat.rename(wanted).catch((error: unknown) => {
      const told = errorText(error);
      toast(told.text, { error: true, detail: told.detail });
    });
  };
  const shown = title !== "" ? title : t(id === null ? "newTitle" : "untitled");
  if (id !== null && renaming === id) return <Renaming title={title} onDone={done} />;
  return (
    <h1 className="title" data-testid="title">
      {id === null ? (
        <bdi dir="auto">{shown}</bdi>
      ) : (
        <button ref={button} type="button" dir="auto" title={`${shown} · ${t("rename")}`} onClick={() => onRenaming(id)} onKeyDown={(event) => event.key === "F2" && onRenaming(id)}>
          <bdi>{shown}</bdi>
        </button>
      )}
    </h1>
  );
}
