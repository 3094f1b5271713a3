import { useEffect, useRef, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { announce } from "../../../shared/announce.js";
import { IconButton } from "../../../shared/ui/Button.js";
import { MicrophoneIcon } from "../../../shared/ui/icons.js";
import { toast } from "../../../shared/ui/toasts.js";
import { useConversation } from "../context.js";
import { canListen, listen, type Listening } from "../speech/listening.js";
import type { Draft } from "./draft.js";

/** The browser's own tag for the language, which names the region the recognizer wants; else the bare language. */
const tagOf = (language: string): string => navigator.languages.find((tag) => tag.startsWith(language)) ?? language;

/** Puts what is said behind what stands in the composer, and behind what is written there meanwhile. */
function behind(draft: Pick<Draft, "text" | "set">): (said: string) => void {
  let before: string | null = null;
  let written = "";
  /** How much of what was said stands in `before` already. */
  let passed = 0;
  let heard = 0;
  return (said) => {
    const { text } = draft;
    if (before === null || text !== written) {
      before = text === "" || /\s$/.test(text) ? text : `${text} `;
      passed = heard;
    }
    heard = said.length;
    written = before + said.slice(passed).replace(passed > 0 ? /^\s+/ : "", "");
    draft.set(written);
  };
}

/** Speech into the composer, until it is unmounted; hidden where the browser cannot listen. */
export function Microphone(): ReactNode {
  const { t, i18n } = useTranslation("conversation");
  const { draft } = useConversation();
  const [on, setOn] = useState(false);
  const listening = useRef<Listening | null>(null);
  useEffect(() => () => listening.current?.abort(), []);
  if (!canListen()) return null;
  const begin = (): void => {
    listening.current = listen(tagOf(i18n.language), {
      onText: behind(draft),
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
