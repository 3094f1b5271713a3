import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { useServer } from "../../shared/server.js";
import { useChosen } from "./composer/Picker.js";
import { useConversation } from "./context.js";

/** Where a conversation has not begun: who would answer, and what one could ask. */
export function Empty(): ReactNode {
  const { t } = useTranslation("conversation");
  const { chat } = useServer();
  const { voices, choice, compose } = useConversation();
  const value = useChosen();
  const bot = voices.bots.find(({ name }) => `bot:${name}` === value);
  const suggestions: unknown = t(bot?.name === "sizebot" ? "suggestions.sizebot" : "suggestions.general", { returnObjects: true });
  return (
    <div className="empty">
      <h2 dir="auto">{bot?.greeting !== undefined && bot.greeting !== "" ? bot.greeting : t("greeting")}</h2>
      <p>{t("beginWith")}</p>
      <ul>
        {(Array.isArray(suggestions) ? suggestions.map(String) : []).map((text) => (
          <li key={text}>
            <button
              type="button"
              onClick={() => {
                chat.send(text, choice());
                compose();
              }}
            >
              {text}
            </button>
          </li>
        ))}
      </ul>
    </div>
  );
}
