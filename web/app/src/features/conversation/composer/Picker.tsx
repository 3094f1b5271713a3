import type { Model } from "@antiphon/client";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { useChat, useServer } from "../../../shared/server.js";
import { useConversation, useIntent } from "../context.js";
import { lastSender, rememberChoice, valueShown } from "./choosing.js";

/** The picker's value: who answers the next message. */
export function useChosen(): string {
  const { voices } = useConversation();
  const picked = useIntent((intent) => intent.picked);
  return valueShown(voices, picked, useChat(lastSender));
}

function byProvider(models: readonly Model[]): [string, Model[]][] {
  const groups = new Map<string, Model[]>();
  for (const model of models) groups.set(model.provider, [...(groups.get(model.provider) ?? []), model]);
  return [...groups];
}

/** Who answers: a bot, or a model. */
export function Picker(): ReactNode {
  const { t } = useTranslation("conversation");
  const { chat } = useServer();
  const { voices, intent } = useConversation();
  const value = useChosen();
  const pick = (to: string): void => {
    rememberChoice(to);
    const { messages } = chat.store.getState();
    intent.setState({ picked: to, pickedAfter: new Set(Array.from(messages.values(), ({ key }) => key)) });
  };
  return (
    <select className="picker" data-testid="choice" aria-label={t("choice")} aria-busy={value === ""} value={value} onChange={(event) => pick(event.target.value)}>
      {value === "" && <option value="">…</option>}
      {voices.bots.length > 0 && (
        <optgroup label={t("bots")}>
          {voices.bots.map((bot) => (
            <option key={bot.name} value={`bot:${bot.name}`}>
              {bot.title}
            </option>
          ))}
        </optgroup>
      )}
      {byProvider(voices.models).map(([provider, models]) => (
        <optgroup key={provider} label={provider}>
          {models.map((model) => (
            <option key={model.id} value={`model:${model.id}`}>
              {model.id.slice(provider.length + 1)}
            </option>
          ))}
        </optgroup>
      ))}
      {voices.unavailable.map(({ provider, detail }) => (
        <optgroup key={provider} label={t("unavailable", { provider })}>
          <option disabled lang="en">
            {detail}
          </option>
        </optgroup>
      ))}
    </select>
  );
}
