import type { ChatMessage } from "@antiphon/client";
import { useId, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { useConnection, useServer } from "../../../shared/server.js";
import { Button, IconButton } from "../../../shared/ui/Button.js";
import { PencilIcon } from "../../../shared/ui/icons.js";
import { toast } from "../../../shared/ui/toasts.js";
import { beginEdit, endEdit, useConversation, useIntent } from "../context.js";
import { CopyButton } from "./buttons.js";
import { EditForm } from "./EditForm.js";
import { Time } from "./Time.js";
import { Trouble } from "./Trouble.js";
import { Versions } from "./Versions.js";

/** Longer messages are folded to about this many lines. */
const LINES = 12;
const CHARACTERS = 1000;

/** Whether a message is long enough to be folded: a few lines more are not worth a click. */
export function isLong(text: string): boolean {
  return text.length > CHARACTERS * 1.3 || (text.match(/\n/g)?.length ?? 0) > LINES + 3;
}

function Text({ text }: { text: string }): ReactNode {
  const { t } = useTranslation("conversation");
  const [open, setOpen] = useState(false);
  const id = useId();
  const long = isLong(text);
  return (
    <>
      <div id={id} className="text" data-testid="message-text" data-folded={(long && !open) || undefined} dir="auto">
        {text}
      </div>
      {long && (
        <Button look="quiet" className="fold" aria-expanded={open} aria-controls={id} onClick={() => setOpen(!open)}>
          {open ? t("showLess") : t("showMore")}
        </Button>
      )}
    </>
  );
}

/** What the reader said. */
export function UserMessage({ message }: { message: ChatMessage }): ReactNode {
  const { t } = useTranslation(["conversation", "shell"]);
  const { chat } = useServer();
  const { intent, choice, compose } = useConversation();
  const editing = useIntent((now) => now.editing === message.key);
  const offline = useConnection().status === "offline";
  const leave = (): void => {
    endEdit(intent);
    compose();
  };
  if (editing) {
    const send = (text: string): void => {
      if (chat.edit(message.id, text, choice())) leave();
      else toast(t("shell:errors.outbox_full"), { error: true });
    };
    return <EditForm before={message.content} onSend={send} onCancel={leave} />;
  }
  return (
    <>
      <Text text={message.content} />
      {message.status === "unsent" && <Trouble key={message.fault?.code} message={message} />}
      <div className="foot">
        {message.status === "sending" && <span className="note">{offline ? t("sendsLater") : t("sending")}</span>}
        <Versions id={message.id} />
        {message.status === "complete" && (
          <span className="acts">
            <CopyButton id={message.id} />
            <IconButton label={t("edit")} icon={<PencilIcon />} data-testid="edit" onClick={() => beginEdit(intent, message.key)} />
          </span>
        )}
        {message.status === "complete" && (
          <span className="by">
            <Time at={message.createdAt} />
          </span>
        )}
      </div>
    </>
  );
}
