import type { MessageList } from "@chatscope/chat-ui-kit-react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { useChat, useServer } from "../../shared/server.js";
import { Button } from "../../shared/ui/Button.js";
import { Empty } from "./Empty.js";
import { Transcript } from "./transcript/Transcript.js";

interface PlaceProps {
  /**
   * The kit's list, in whose place our own stands. The kit finds it by the component: by name it cannot, as its
   * `MessageList` has none.
   */
  as: typeof MessageList;
  /** Changes when another conversation is opened. */
  conversation: number;
}

/** The messages, or why there are none. */
export function Place({ conversation }: PlaceProps): ReactNode {
  const { t } = useTranslation("conversation");
  const { connection } = useServer();
  const phase = useChat((state) => state.phase);
  const begun = useChat((state) => state.path.length > 0);
  if (begun) return <Transcript key={conversation} />;
  if (phase === "missing") return <p className="placeholder">{t("missing")}</p>;
  if (phase === "loading") return <p className="placeholder loading">{t("loading")}</p>;
  if (phase === "unreachable") {
    return (
      <p className="placeholder">
        {t("unreachable")}
        <Button onClick={() => connection.retryNow()}>{t("connection.now")}</Button>
      </p>
    );
  }
  return <Empty />;
}
