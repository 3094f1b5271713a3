import { useEffect, useLayoutEffect, useState, type KeyboardEvent, type ReactNode, type RefObject } from "react";
import { useTranslation } from "react-i18next";
import { useStore } from "zustand";
import { announce } from "../../../shared/announce.js";
import { usePreferences } from "../../../shared/preferences.js";
import { useChat, useServer } from "../../../shared/server.js";
import { Button } from "../../../shared/ui/Button.js";
import { SendIcon, StopIcon } from "../../../shared/ui/icons.js";
import { toast } from "../../../shared/ui/toasts.js";
import { beginEdit, useConversation } from "../context.js";
import { isComposing, sends } from "../keys.js";
import { fit } from "./fit.js";
import { MOST_CHARACTERS } from "./limits.js";
import { Microphone } from "./Microphone.js";
import { Notice } from "./Notice.js";
import { Picker } from "./Picker.js";

interface ComposerProps {
  as: "MessageInput";
  /** Changes when another conversation is opened. */
  conversation: number;
  field: RefObject<HTMLTextAreaElement | null>;
}

/** The key of the last message of the reader's on the branch, to be edited; null: none that can be. */
function useLastOwn(): () => string | null {
  const { chat } = useServer();
  return () => {
    const { path, messages } = chat.store.getState();
    const own = path.map((id) => messages.get(id)).findLast((message) => message?.role === "user");
    return own?.status === "complete" ? own.key : null;
  };
}

/** Puts the cursor into the composer when a conversation is opened, where that does not bring up a keyboard. */
function useFocus(field: RefObject<HTMLTextAreaElement | null>, conversation: number): void {
  useEffect(() => {
    if (!matchMedia("(hover: none)").matches) field.current?.focus();
  }, [field, conversation]);
}

/** Whether a message can be sent now; if not, that it says why when one tries. */
function useSending(text: string): { running: boolean; late: boolean; trySend: (then: () => void) => void } {
  const { t } = useTranslation("conversation");
  const running = useChat((state) => state.running) !== null;
  const [late, setLate] = useState(false);
  if (late && !running) setLate(false);
  const trySend = (then: () => void): void => {
    if (text.trim() === "" || text.length > MOST_CHARACTERS) return;
    if (running) {
      setLate(true);
      announce(t("stillComing"));
    } else then();
  };
  return { running, late, trySend };
}

/** What the keys do in the text area beside writing. */
function useKeys(running: boolean, send: () => void): (event: KeyboardEvent<HTMLTextAreaElement>) => void {
  const { chat } = useServer();
  const { intent, draft } = useConversation();
  const enterSends = usePreferences((preferences) => preferences.enterSends);
  const lastOwn = useLastOwn();
  return (event) => {
    if (sends(event, enterSends)) {
      event.preventDefault();
      send();
    } else if (event.key === "ArrowUp" && !event.altKey && draft.text === "") {
      const own = lastOwn();
      if (own === null) return;
      event.preventDefault();
      beginEdit(intent, own);
    } else if (event.key === "Escape" && running && !isComposing(event)) chat.stop();
  };
}

/** Sends, or stops the reply that is coming. */
function MainAction({ running, able, field }: { running: boolean; able: boolean; field: RefObject<HTMLTextAreaElement | null> }): ReactNode {
  const { t } = useTranslation("conversation");
  const { chat } = useServer();
  const stopping = useChat((state) => state.stopping);
  const stop = (): void => {
    chat.stop();
    field.current?.focus();
  };
  return running ? (
    <Button className="main-action" data-testid="stop" title={t("stopHint")} disabled={stopping} onClick={stop}>
      <StopIcon />
      <span>{t(stopping ? "stopping" : "stop")}</span>
    </Button>
  ) : (
    <Button look="solid" className="main-action" type="submit" data-testid="send" disabled={!able}>
      <SendIcon />
      <span>{t("send")}</span>
    </Button>
  );
}

/**
 * Where the reader writes. The kit's own input is a contenteditable that takes HTML: pasted markup, no undo of one's
 * own, and input methods that break; so a text area stands in its place.
 */
export function Composer({ conversation, field }: ComposerProps): ReactNode {
  const { t } = useTranslation(["conversation", "shell"]);
  const { chat } = useServer();
  const { choice, draft } = useConversation();
  const enterSends = usePreferences((preferences) => preferences.enterSends);
  const text = useStore(draft.store, (now) => now.text);
  const { running, late, trySend } = useSending(text);
  const [sent, setSent] = useState(0);
  useFocus(field, conversation);
  useLayoutEffect(() => fit(field.current), [field, text]);
  const send = (): void =>
    trySend(() => {
      if (chat.send(text, choice())) {
        draft.set("");
        setSent(sent + 1);
      } else toast(t("shell:errors.outbox_full"), { error: true });
      field.current?.focus();
    });
  const onKeyDown = useKeys(running, send);
  return (
    <form
      className="composer"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <div className="box">
        <textarea ref={field} data-testid="composer" rows={1} dir="auto" enterKeyHint={enterSends ? "send" : "enter"} aria-label={t("message")} placeholder={t("placeholder")} value={text} onChange={(event) => draft.set(event.target.value)} onKeyDown={onKeyDown} />
        <div className="box-row">
          <Picker />
          <Notice length={text.length} late={late} enterSends={enterSends} />
          {/* What is still being said belongs to what was sent, or to the conversation that was left. */}
          <Microphone key={`${conversation} ${sent}`} />
          <MainAction running={running} able={text.trim() !== "" && text.length <= MOST_CHARACTERS} field={field} />
        </div>
      </div>
    </form>
  );
}
