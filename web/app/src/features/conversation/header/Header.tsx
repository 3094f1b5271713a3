import { ConversationHeader } from "@chatscope/chat-ui-kit-react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { useChat } from "../../../shared/server.js";
import { ConnectionStatus } from "./ConnectionStatus.js";
import { Title } from "./Title.js";

interface HeaderProps {
  as: "ConversationHeader";
  leading: ReactNode;
  actions: ReactNode;
}

/** The conversation's title and state, between what the page puts before and behind them. */
export function Header({ leading, actions }: HeaderProps): ReactNode {
  const { t } = useTranslation("conversation");
  const stale = useChat((state) => state.stale);
  return (
    <ConversationHeader className="head">
      <ConversationHeader.Content>
        {leading}
        <Title />
        {stale && (
          <span className="stale" title={t("staleWhy")}>
            {t("stale")}
          </span>
        )}
        <ConnectionStatus />
        {actions}
      </ConversationHeader.Content>
    </ConversationHeader>
  );
}
