import { ConversationHeader } from "@chatscope/chat-ui-kit-react";
import { useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { useChat } from "../../../shared/server.js";
import { usePrint } from "../transcript/printing.js";
import { ConnectionStatus } from "./ConnectionStatus.js";
import { Title } from "./Title.js";

/** What the page's own controls can have the conversation do. */
export interface Controls {
  /** Let the reader change the title, in its place. */
  rename: () => void;
  /** Print all of it, also what is not loaded yet. */
  print: () => void;
}

interface HeaderProps {
  as: "ConversationHeader";
  leading: ReactNode;
  actions: ((controls: Controls) => ReactNode) | undefined;
}

/** The conversation's title and state, between what the page puts before and behind them. */
export function Header({ leading, actions }: HeaderProps): ReactNode {
  const { t } = useTranslation("conversation");
  const id = useChat((state) => state.id);
  const stale = useChat((state) => state.stale);
  const [renaming, setRenaming] = useState<string | null>(null);
  const print = usePrint();
  return (
    <ConversationHeader className="head">
      <ConversationHeader.Content>
        {leading}
        <Title renaming={renaming} onRenaming={setRenaming} />
        {stale && (
          <span className="stale" title={t("staleWhy")}>
            {t("stale")}
          </span>
        )}
        <ConnectionStatus />
        {actions?.({ rename: () => setRenaming(id), print })}
      </ConversationHeader.Content>
    </ConversationHeader>
  );
}
