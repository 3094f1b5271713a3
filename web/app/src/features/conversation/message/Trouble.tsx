import type { ChatMessage } from "@antiphon/client";
import { useEffect, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { useChat, useServer } from "../../../shared/server.js";
import { Button } from "../../../shared/ui/Button.js";
import { useConversation } from "../context.js";
import { CopyButton } from "./buttons.js";

/** The whole seconds that are left of a wait, counted down; 0: none. */
function useWait(seconds: number): number {
  const [until] = useState(() => Date.now() + seconds * 1000);
  const [left, setLeft] = useState(Math.ceil(seconds));
  useEffect(() => {
    if (left <= 0) return;
    const timer = setTimeout(() => setLeft(Math.ceil((until - Date.now()) / 1000)), 500);
    return () => clearTimeout(timer);
  }, [left, until]);
  return Math.max(0, left);
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
  return (
    <div className="trouble">
      <p>
        <strong>{fault === null ? usual : t(`shell:errors.${fault.code}`, { defaultValue: usual })}</strong>
        {fault !== null && fault.message !== "" && <span dir="auto">{fault.message}</span>}
      </p>
      <Button data-testid="retry" disabled={left > 0} onClick={retry}>
        {left > 0 ? t("retryIn", { count: left }) : t(missing ? "sendAsNew" : "retry")}
      </Button>
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
