import type { Chat, SessionState } from "@antiphon/client";
import type { JSX } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Texts } from "../language.js";
import type { Visit } from "../visit.js";
import { useStore } from "./hooks.js";
import { SendIcon, StopIcon } from "./icons.js";

interface ComposerProps {
  visit: Visit;
  chat: Chat;
  session: SessionState;
  texts: Texts;
  shown: boolean;
}

/** As many characters as the server takes of a message. */
const LONGEST_MESSAGE = 100_000;
/** What Safari tells of the Enter that ends a composition, when `isComposing` is false again. */
const COMPOSING = 229;

export function Composer({ visit, chat, session, texts, shown }: ComposerProps): JSX.Element {
  const field = useRef<HTMLTextAreaElement>(null);
  const [text, setText] = useState(visit.draft);
  const running = session.running !== null;
  const write = (words: string) => {
    visit.draft = words;
    setText(words);
  };
  const send = () => {
    if (visit.send(text)) write("");
    field.current?.focus();
  };
  const keys = (event: KeyboardEvent) => {
    // eslint-disable-next-line @typescript-eslint/no-deprecated -- nothing else tells in Safari
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === COMPOSING) return;
    event.preventDefault();
    send();
  };
  const stop = () => {
    chat.stop();
    field.current?.focus();
  };
  useLayoutEffect(() => grow(field.current), [text, shown]);
  // Another conversation begins with an empty field, or with what was being written there.
  useLayoutEffect(() => setText(visit.draft), [session.id]);
  return (
    <form class="foot" onSubmit={(event) => { event.preventDefault(); send(); }}>
      <Connection chat={chat} texts={texts} />
      <div class="field">
        <textarea
          ref={field} data-testid="widget-text" rows={1} dir="auto" value={text} maxLength={LONGEST_MESSAGE} enterkeyhint="send"
          aria-label={texts.message} placeholder={texts.placeholder} onInput={(event) => write(event.currentTarget.value)} onKeyDown={keys}
        />
        {running
          ? <button type="button" class="act" data-testid="stop" aria-label={texts.stop} title={texts.stop} onClick={stop}><StopIcon /></button>
          : <button type="submit" class="act" data-testid="widget-send" aria-label={texts.send} title={texts.send} disabled={text.trim() === ""}><SendIcon /></button>}
      </div>
    </form>
  );
}

/** Grows with its text, up to the style sheet's bound. */
function grow(field: HTMLTextAreaElement | null): void {
  if (field === null) return;
  field.style.height = "auto";
  field.style.height = `${field.scrollHeight}px`;
}

function Connection({ chat, texts }: { chat: Chat; texts: Texts }): JSX.Element | null {
  const { status } = useStore(chat.connection.store);
  if (status !== "offline") return null;
  return (
    <div class="offline">
      <p>{texts.offlineHint}</p>
      <button type="button" class="quiet" data-testid="retry-now" onClick={() => chat.connection.retryNow()}>{texts.retryNow}</button>
    </div>
  );
}
