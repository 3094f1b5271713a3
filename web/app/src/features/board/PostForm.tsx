import { useId, useRef, useState, type KeyboardEvent, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { useErrorText, type ErrorText } from "../../shared/errors.js";
import { stored, storedFor } from "../../shared/storage.js";
import { Button } from "../../shared/ui/Button.js";

const NAME = "board-name";
const DRAFT = "board-draft";
/** What Antiphon takes; other boards take about as much. */
const LONGEST_NAME = 200;

interface PostFormProps {
  server: string;
  post: (sender: string, message: string) => Promise<void>;
  /** Called when a message is on the board. */
  onPosted: () => void;
}

interface Draft {
  name: string;
  text: string;
  setName: (value: string) => void;
  setText: (value: string) => void;
}

/** What is being written: the name and the draft outlive the page. */
function useDraft(server: string): Draft {
  const [name, setName] = useState(() => stored.getItem(NAME) ?? "");
  const [text, setText] = useState(() => storedFor(server).getItem(DRAFT) ?? "");
  return {
    name,
    text,
    setName: (value) => {
      setName(value);
      stored.setItem(NAME, value);
    },
    setText: (value) => {
      setText(value);
      storedFor(server).setItem(DRAFT, value);
    },
  };
}

/** As the text runs; an empty field as the page does, or its placeholder would stand at the wrong end. */
function directionOf(text: string): "auto" | undefined {
  return text === "" ? undefined : "auto";
}

/** Enter posts, unless it belongs to an input method or begins a line. */
function postsOn(event: KeyboardEvent): boolean {
  return event.key === "Enter" && !event.shiftKey && !event.nativeEvent.isComposing;
}

/** Posts what was written; what could not be posted stays in the field. */
function usePosting({ server, post, onPosted }: PostFormProps) {
  const errorText = useErrorText();
  const nameField = useRef<HTMLInputElement>(null);
  const textField = useRef<HTMLTextAreaElement>(null);
  const draft = useDraft(server);
  const [posting, setPosting] = useState(false);
  const [fault, setFault] = useState<ErrorText | "name" | null>(null);
  const submit = async () => {
    const [name, text] = [draft.name.trim(), draft.text.trim()];
    if (text === "" || posting) return;
    if (name === "") {
      setFault("name");
      nameField.current?.focus();
      return;
    }
    setPosting(true);
    setFault(null);
    try {
      await post(name, text);
      draft.setText("");
      onPosted();
    } catch (error) {
      setFault(errorText(error));
    }
    setPosting(false);
    textField.current?.focus();
  };
  return { ...draft, nameField, textField, posting, fault, submit: () => void submit() };
}

type Posting = ReturnType<typeof usePosting>;

function NameField({ name, setName, nameField, fault, faultId }: Posting & { faultId: string }): ReactNode {
  const { t } = useTranslation("board");
  const missing = fault === "name";
  return (
    <label className="board-name">
      <span>{t("name")}</span>
      <input
        ref={nameField}
        data-testid="post-sender"
        value={name}
        maxLength={LONGEST_NAME}
        autoComplete="nickname"
        placeholder={t("namePlaceholder")}
        dir={directionOf(name)}
        aria-invalid={missing || undefined}
        aria-describedby={missing ? faultId : undefined}
        onChange={(event) => setName(event.target.value)}
      />
    </label>
  );
}

function TextField({ text, setText, textField, posting, submit }: Posting): ReactNode {
  const { t } = useTranslation("board");
  const onKeyDown = (event: KeyboardEvent) => {
    if (!postsOn(event)) return;
    event.preventDefault();
    submit();
  };
  return (
    <textarea
      ref={textField}
      data-testid="post-text"
      rows={1}
      value={text}
      aria-label={t("message")}
      placeholder={t("messagePlaceholder")}
      dir={directionOf(text)}
      readOnly={posting}
      onChange={(event) => setText(event.target.value)}
      onKeyDown={onKeyDown}
    />
  );
}

/** Name and message. */
export function PostForm(props: PostFormProps): ReactNode {
  const { t } = useTranslation("board");
  const faultId = useId();
  const form = usePosting(props);
  const { fault, text, posting, submit } = form;
  return (
    <form
      className="board-form"
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      {fault === null ? null : (
        <p id={faultId} className="board-fault" role="alert">
          {fault === "name" ? t("nameMissing") : `${t("notPosted")} ${fault.text} ${fault.detail}`}
        </p>
      )}
      <div className="board-box">
        <NameField {...form} faultId={faultId} />
        <TextField {...form} />
        <div className="board-acts">
          <span className="board-hint">{t("hint")}</span>
          <Button type="submit" look="solid" data-testid="post-send" disabled={text.trim() === "" || posting}>
            {t(posting ? "posting" : "post")}
          </Button>
        </div>
      </div>
    </form>
  );
}
