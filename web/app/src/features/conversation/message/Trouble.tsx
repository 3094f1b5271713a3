import type { ChatMessage, Choice } from "@antiphon/client";
import { useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { useSecondsTo } from "../../../shared/hooks/useSecondsTo.js";
import { useChat, useServer } from "../../../shared/server.js";
import { Button } from "../../../shared/ui/Button.js";
import { useConversation } from "../context.js";
import { CopyButton, RegenerateWith } from "./buttons.js";

/** A reader may try again after so many seconds, however long a server says to wait. */
const LONGEST_WAIT_S = 300;

/** The whole seconds that are left of a wait, counted down; 0: none. */
function useWait(seconds: number): number {
  const [until] = useState(() => Date.now() + Math.min(seconds, LONGEST_WAIT_S) * 1000);
  return useSecondsTo(until) ?? 0;
}

/** What the server said, always in English: where that is not the reader's language, only for who asks. */
function Detail({ text }: { text: string }): ReactNode {
  const { t, i18n } = useTranslation("conversation");
  if (/^en\b/.test(i18n.language)) return <p dir="auto">{text}</p>;
  return (
    <details>
      <summary>{t("details")}</summary>
      <p lang="en" dir="ltr">
        {text}
      </p>
    </details>
  );
}

/** What went wrong with a message, and what can be done. */
export function Trouble({ message }: { message: ChatMessage }): ReactNode {
  const { t } = useTranslation(["conversation", "shell"]);
  const { chat } = useServer();
  const { choice, compose, intent } = useConversation();
  const { fault, id, key } = message;
  const left = useWait(fault?.retry_after ?? 0);
  const unsent = message.status === "unsent";
  const missing = useChat((state) => state.phase === "missing");
  const usual = unsent ? t("unsent") : t("failed");
  // Who was picked since is who shall be asked; else the same as before, which may not be whom the picker shows.
  const retry = (): void => chat.retry(id, intent.getState().pickedAfter.has(key) ? choice() : {});
  const retryWith = (other: Choice): void => {
    chat.retry(id, other);
    compose();
  };
  return (
    <div className="trouble">
      <div className="what">
        <strong>{fault === null ? usual : t(`shell:errors.${fault.code}`, { defaultValue: usual })}</strong>
        {fault !== null && fault.message !== "" && <Detail text={fault.message} />}
      </div>
      <span className="joined">
        <Button data-testid="retry" disabled={left > 0} onClick={retry}>
          {left > 0 ? t("retryIn", { count: left }) : t(missing ? "sendAsNew" : "retry")}
        </Button>
        {!unsent && <RegenerateWith sender={message.sender} onChoose={retryWith} />}
      </span>
      {unsent && missing && <CopyButton id={id} />}
      {unsent && (
        <Button
          data-testid="discard"
          onClick={() => {
            chat.discard(id);
            compose(message.content);
          }}
        >
          {t("takeBack")}
        </Button>
      )}
    </div>
  );
}
