import type { Chat, ChatMessage } from "@antiphon/client";
import type { MarkdownLabels } from "@antiphon/client/markdown";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { memo } from "./memo.js";
import { errorText, type Texts } from "../language.js";
import { Markdown } from "./markdown.js";

interface MessageProps {
  chat: Chat;
  message: ChatMessage;
  texts: Texts;
  labels: MarkdownLabels;
}

/** One message. It is drawn anew only when it is another: while a reply streams, all others stand still. */
export const Message = memo(function Message({ chat, message, texts, labels }: MessageProps): JSX.Element {
  const { id, role, status, content } = message;
  const running = status === "waiting" || status === "streaming";
  return (
    <li class={`entry ${role === "user" ? "call" : "reply"}`} data-testid="message" data-id={id} data-role={role} data-status={status}>
      {role === "user" && <span class="unseen">{texts.you}: </span>}
      {role === "user" && <div class="said"><div class="text" data-testid="message-text" dir="auto">{content}</div></div>}
      {role === "assistant" && content !== "" && <Markdown source={content} done={!running} labels={labels} />}
      {status === "waiting" && <p class="waiting"><span class="unseen">{texts.answering}</span><i /><i /><i /></p>}
      {status === "sending" && <p class="aside">{texts.sending}</p>}
      {status === "stopped" && <p class="aside">{texts.stopped}</p>}
      {(status === "unsent" || status === "failed") && <Trouble chat={chat} message={message} texts={texts} />}
    </li>
  );
});

function Trouble({ chat, message, texts }: Omit<MessageProps, "labels">): JSX.Element {
  const { id, status, fault } = message;
  const unsent = status === "unsent";
  // The server's own words are English, and for those who run the shop.
  useEffect(() => {
    if (fault !== null) console.warn(`antiphon-chat: ${fault.code}: ${fault.message}`);
  }, [fault]);
  return (
    <div class="trouble">
      <p>{unsent && texts.unsent} {errorText(texts, fault?.code ?? "", unsent ? texts.refused : texts.failed)}</p>
      <div class="choices">
        <button type="button" class="quiet" data-testid="retry" onClick={() => chat.retry(id)}>{texts.again}</button>
        {unsent && <button type="button" class="quiet" data-testid="discard" onClick={() => chat.discard(id)}>{texts.discard}</button>}
      </div>
    </div>
  );
}
