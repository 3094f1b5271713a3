import { ApiError, type Choice } from "@antiphon/client";
import { toPlainText } from "@antiphon/client/markdown";
import { useEffect, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { useStore } from "zustand";
import { announce } from "../../../shared/announce.js";
import { useErrorText } from "../../../shared/errors.js";
import { usePreferences } from "../../../shared/preferences.js";
import { useServer } from "../../../shared/server.js";
import { IconButton } from "../../../shared/ui/Button.js";
import { CheckIcon, ChevronDownIcon, CopyIcon, RefreshIcon, SpeakIcon, StopIcon, ThumbDownIcon, ThumbUpIcon } from "../../../shared/ui/icons.js";
import { Menu } from "../../../shared/ui/Menu.js";
import { toast } from "../../../shared/ui/toasts.js";
import { useConversation } from "../context.js";
import { copyText } from "../copy.js";
import { canSpeak, silence, speak, speaking } from "../speech/speaking.js";

/** How long a button tells that it has copied, in milliseconds. */
const TOLD_MS = 1500;

/** Copies the message as it is stored, Markdown and all. */
export function CopyButton({ id }: { id: string }): ReactNode {
  const { t } = useTranslation("conversation");
  const { chat } = useServer();
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), TOLD_MS);
    return () => clearTimeout(timer);
  }, [copied]);
  const copy = (): void => {
    copyText(chat.store.getState().messages.get(id)?.content ?? "").then(
      () => {
        setCopied(true);
        announce(t("copied"));
      },
      () => toast(t("copyRefused"), { error: true }),
    );
  };
  return <IconButton label={copied ? t("copied") : t("copy")} icon={copied ? <CheckIcon /> : <CopyIcon />} data-testid="copy" onClick={copy} />;
}

interface RegenerateWithProps {
  /** Who answered: no other bot. */
  sender: string;
  onChoose: (choice: Choice) => void;
}

/** Who else could answer, where there is somebody else. A bot gets the message as a version of its own. */
export function RegenerateWith({ sender, onChoose }: RegenerateWithProps): ReactNode {
  const { t } = useTranslation("conversation");
  const { voices } = useConversation();
  const [open, setOpen] = useState(false);
  const items = [
    ...voices.bots.filter(({ name }) => name !== sender).map(({ name, title }) => ({ label: title, icon: null, onSelect: () => onChoose({ bot: name }) })),
    ...voices.models.map(({ id }) => ({ label: id, icon: null, onSelect: () => onChoose({ model: id }) })),
  ];
  return items.length > 0 && <Menu label={t("regenerateWith")} icon={<ChevronDownIcon />} items={items} open={open} onOpenChange={setOpen} testId="regenerate-with" />;
}

/** Answers the same message once more, also by another bot or model. */
export function RegenerateButtons({ id, sender }: { id: string; sender: string }): ReactNode {
  const { t } = useTranslation("conversation");
  const { chat } = useServer();
  const { compose } = useConversation();
  const again = (choice?: Choice): void => {
    chat.regenerate(id, choice);
    compose(); // the row that has the focus makes room for the new version's
  };
  return (
    <span className="joined">
      <IconButton label={t("regenerate")} icon={<RefreshIcon />} data-testid="regenerate" onClick={() => again()} />
      <RegenerateWith sender={sender} onChoose={again} />
    </span>
  );
}

/** Thumbs: shown at once, taken back if the server refuses. */
export function RateButtons({ id, rating }: { id: string; rating: "up" | "down" | null }): ReactNode {
  const { t } = useTranslation("conversation");
  const { chat } = useServer();
  const errorText = useErrorText();
  const rate = (to: "up" | "down"): void => {
    chat.rate(id, rating === to ? null : to).catch((error: unknown) => {
      if (!(error instanceof ApiError)) throw error;
      const { text, detail } = errorText(error);
      toast(t("rateRefused"), { error: true, detail: detail || text });
    });
  };
  return (
    <>
      <IconButton label={t("thumbUp")} icon={<ThumbUpIcon />} data-testid="thumb-up" aria-pressed={rating === "up"} onClick={() => rate("up")} />
      <IconButton label={t("thumbDown")} icon={<ThumbDownIcon />} data-testid="thumb-down" aria-pressed={rating === "down"} onClick={() => rate("down")} />
    </>
  );
}

/** Reads the message aloud; hidden where the browser cannot. */
export function SpeakButton({ id }: { id: string }): ReactNode {
  const { t, i18n } = useTranslation("conversation");
  const { chat } = useServer();
  const voice = usePreferences((preferences) => preferences.voice);
  const mine = useStore(speaking, (now) => now.id === id);
  if (!canSpeak()) return null;
  const toggle = (): void => {
    if (mine) silence();
    else speak(id, toPlainText(chat.store.getState().messages.get(id)?.content ?? ""), i18n.language, voice);
  };
  return <IconButton label={mine ? t("silence") : t("speak")} icon={mine ? <StopIcon /> : <SpeakIcon />} data-testid="speak" aria-pressed={mine} onClick={toggle} />;
}
