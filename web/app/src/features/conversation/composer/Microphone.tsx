import { useEffect, useRef, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { announce } from "../../../shared/announce.js";
import { IconButton } from "../../../shared/ui/Button.js";
import { MicrophoneIcon } from "../../../shared/ui/icons.js";
import { toast } from "../../../shared/ui/toasts.js";
import { canListen, listen, type Listening } from "../speech/listening.js";

interface MicrophoneProps {
  /** What is in the composer already: what is said comes behind it. */
  text: string;
  onText: (text: string) => void;
}

/** The browser's own tag for the language, which names the region the recognizer wants; else the bare language. */
const tagOf = (language: string): string => navigator.languages.find((tag) => tag.startsWith(language)) ?? language;

/** Speech into the composer; hidden where the browser cannot listen. */
export function Microphone({ text, onText }: MicrophoneProps): ReactNode {
  const { t, i18n } = useTranslation("conversation");
  const [on, setOn] = useState(false);
  const listening = useRef<Listening | null>(null);
  useEffect(() => () => listening.current?.abort(), []);
  if (!canListen()) return null;
  const begin = (): void => {
    const before = text === "" || /\s$/.test(text) ? text : `${text} `;
    listening.current = listen(tagOf(i18n.language), {
      onText: (said) => onText(before + said),
      onEnd(error) {
        setOn(false);
        if (error !== null && error !== "no-speech" && error !== "aborted") toast(t("listenRefused"), { error: true, detail: error });
      },
    });
    setOn(true);
    announce(t("listening"));
  };
  const toggle = (): void => (on ? listening.current?.stop() : begin());
  return <IconButton className="microphone" label={on ? t("listenStop") : t("listen")} icon={<MicrophoneIcon />} aria-pressed={on} onClick={toggle} />;
}
