import type { ChatMessage } from "@antiphon/client";
import { Message } from "@chatscope/chat-ui-kit-react";
import { memo, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { useConversation } from "../context.js";
import { likelyHeight } from "../transcript/window.js";
import { nameOf } from "../voices.js";
import { Reply } from "./Reply.js";
import { exact } from "./time.js";
import { useMessage } from "./useMessage.js";
import { UserMessage } from "./UserMessage.js";

const guess = ({ content }: ChatMessage) => likelyHeight(content.length, content.split("\n", 200).length);

/** One message of the transcript. */
export const Row = memo(function Row({ id, last }: { id: string; last: boolean }): ReactNode {
  const { t, i18n } = useTranslation("conversation");
  const { voices } = useConversation();
  const message = useMessage(id);
  if (message === undefined) return null;
  const mine = message.role === "user";
  const sender = mine ? t("you") : nameOf(voices, message.sender);
  return (
    <Message
      role="none"
      model={{ direction: mine ? "outgoing" : "incoming", position: "single", type: "custom" }}
      className={`row ${mine ? "call" : "reply"}`}
      data-last={last || undefined}
      style={{ containIntrinsicBlockSize: `auto ${guess(message)}px` }}
    >
      <Message.CustomContent>
        {/* The kit's message is a section, which may not have the role of an article. */}
        <article tabIndex={-1} aria-label={`${sender}, ${exact(message.createdAt, i18n.language)}`} data-testid="message" data-id={message.id} data-role={message.role} data-status={message.status}>
          <h2 className="sr">{sender}</h2>
          <span className="mark" aria-hidden="true">
            {mine ? "V" : "R"}
          </span>
          {mine ? <UserMessage message={message} /> : <Reply message={message} />}
        </article>
      </Message.CustomContent>
    </Message>
  );
});
