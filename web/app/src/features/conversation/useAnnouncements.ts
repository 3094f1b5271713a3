import type { ChatMessage } from "@antiphon/client";
import { toPlainText } from "@antiphon/client/markdown";
import { useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import { announce } from "../../shared/announce.js";
import { preferences } from "../../shared/preferences.js";
import { useServer } from "../../shared/server.js";
import { canSpeak, silence, speak } from "./speech/speaking.js";
import { nameOf, type Voices } from "./voices.js";

/** A screen reader is told so many characters of a reply; the rest is there to be read at one's own pace. */
const LONGEST = 500;

/** A reply as it is announced. */
export function shortened(content: string): string {
  // No more than can be told of it: reading all of a long reply would hold the page up at its end.
  const text = toPlainText(content.slice(0, LONGEST * 8)).replace(/\s+/g, " ").trim();
  return text.length <= LONGEST ? text : `${text.slice(0, LONGEST).replace(/\s\S*$/, "")} …`;
}

/** Says that an answer is coming and, once, what it was or what went wrong; and reads it aloud for who wants that. */
export function useAnnouncements(voices: Voices): void {
  const { t, i18n } = useTranslation(["conversation", "shell"]);
  const { chat } = useServer();
  const latest = useRef({ voices, t, language: i18n.language });
  useEffect(() => {
    latest.current = { voices, t, language: i18n.language };
  });
  useEffect(() => {
    const ended = (message: ChatMessage): void => {
      const { voices, t, language } = latest.current;
      const name = nameOf(voices, message.sender);
      const error = message.fault === null ? t("failed") : t(`shell:errors.${message.fault.code}`, { defaultValue: t("failed") });
      announce(message.status === "failed" ? `${name}: ${error}` : t("said", { name, text: shortened(message.content) }));
      const { readAloud, voice } = preferences.getState();
      if (readAloud && canSpeak() && message.status === "complete") speak(message.id, toPlainText(message.content), language, voice);
    };
    const stop = chat.store.subscribe((now, before) => {
      if (now.id !== before.id && before.id !== null) silence();
      const running = now.running === null ? undefined : now.messages.get(now.running);
      const was = before.running === null ? undefined : before.messages.get(before.running);
      if (running?.key === was?.key) return;
      const { voices, t } = latest.current;
      if (running !== undefined) announce(t("answering", { name: nameOf(voices, running.sender) }));
      const end = was === undefined ? undefined : [...now.messages.values()].find((message) => message.key === was.key);
      if (end !== undefined && (end.status === "complete" || end.status === "stopped" || end.status === "failed")) ended(end);
    });
    return () => {
      stop();
      silence();
    };
  }, [chat]);
}
