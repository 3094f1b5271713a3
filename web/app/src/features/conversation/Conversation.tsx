import { ChatContainer, MessageList } from "@chatscope/chat-ui-kit-react";
import { useMemo, useRef, useState, type ReactNode } from "react";
import { useChat, useServer } from "../../shared/server.js";
import { useDraft } from "./composer/useDraft.js";
import { Composer } from "./composer/Composer.js";
import { lastSender, valueShown } from "./composer/choosing.js";
import { ConversationProvider, newIntent, type ConversationContext } from "./context.js";
import { Header, type Controls } from "./header/Header.js";
import { useKeptEdit } from "./message/kept_edit.js";
import { Place } from "./Place.js";
import { useAnnouncements } from "./useAnnouncements.js";
import { choiceOf, useVoices } from "./voices.js";
import "./styles/index.css";

export interface ConversationProps {
  /** Stands before the title, such as the button that opens the sidebar. */
  leading?: ReactNode;
  /** Stands at the end of the header, such as the conversation's menu. */
  actions?: (controls: Controls) => ReactNode;
}

/** A number that changes when another conversation is opened, but not when a new one is given its id. */
function useConversationNumber(): number {
  const id = useChat((state) => state.id);
  const begun = useChat((state) => state.path.length > 0 && state.phase !== "loading");
  const [seen, setSeen] = useState({ id, number: 0 });
  if (seen.id === id) return seen.number;
  const number = seen.id === null && begun ? seen.number : seen.number + 1;
  setSeen({ id, number });
  return number;
}

/** What the reader is about to do; nothing yet in a conversation just opened. */
function useIntentOf(conversation: number): ConversationContext["intent"] {
  const [held, setHeld] = useState(() => ({ conversation, intent: newIntent() }));
  if (held.conversation !== conversation) setHeld({ conversation, intent: newIntent() });
  return held.intent;
}

/** The open conversation: its header, its messages and the composer. */
export function Conversation({ leading, actions }: ConversationProps): ReactNode {
  const { chat } = useServer();
  const number = useConversationNumber();
  const voices = useVoices();
  const field = useRef<HTMLTextAreaElement>(null);
  const draft = useDraft(number);
  const intent = useIntentOf(number);
  const context = useMemo<ConversationContext>(
    () => ({
      voices,
      intent,
      draft,
      choice: () => choiceOf(valueShown(voices, intent.getState().picked, lastSender(chat.store.getState()))),
      compose(text) {
        if (text !== undefined && draft.text === "") draft.set(text);
        // Not where that brings up a keyboard over what was just sent.
        if (!matchMedia("(hover: none)").matches) field.current?.focus();
      },
    }),
    [voices, intent, draft, chat],
  );
  useKeptEdit(intent);
  useAnnouncements(voices);
  return (
    <ConversationProvider value={context}>
      <ChatContainer className="conversation">
        <Header as="ConversationHeader" leading={leading} actions={actions} />
        <Place as={MessageList} conversation={number} />
        <Composer as="MessageInput" conversation={number} field={field} />
      </ChatContainer>
    </ConversationProvider>
  );
}
