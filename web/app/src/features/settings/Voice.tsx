import { useMemo, useSyncExternalStore, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { prefer, usePreferences } from "../../shared/preferences.js";
import { Check, Field } from "./Field.js";

/** Whether this browser can read aloud. */
export const canSpeak = (): boolean => typeof speechSynthesis !== "undefined";

function subscribe(changed: () => void): () => void {
  speechSynthesis.addEventListener("voiceschanged", changed);
  return () => speechSynthesis.removeEventListener("voiceschanged", changed);
}

/** The browser's voices, those of the shown language first. They come late, and as a new list each time. */
function useVoices(language: string): SpeechSynthesisVoice[] {
  const names = useSyncExternalStore(subscribe, () => speechSynthesis.getVoices().map((voice) => voice.voiceURI).join("\n"));
  return useMemo(() => {
    const known = new Set(names.split("\n"));
    const foreign = (voice: SpeechSynthesisVoice) => (voice.lang.startsWith(language) ? 0 : 1);
    return speechSynthesis
      .getVoices()
      .filter((voice) => known.has(voice.voiceURI))
      .sort((one, other) => foreign(one) - foreign(other) || one.lang.localeCompare(other.lang) || one.name.localeCompare(other.name));
  }, [names, language]);
}

/** Reading aloud. */
export function Voice(): ReactNode {
  const { t, i18n } = useTranslation("shell");
  const { readAloud, voice } = usePreferences((state) => state);
  const voices = useVoices(i18n.resolvedLanguage ?? i18n.language);
  return (
    <>
      <Check label={t("settings.readAloud")} checked={readAloud} onChange={(checked) => prefer({ readAloud: checked })} />
      {voices.length > 0 && (
        <Field label={t("settings.voice")}>
          {({ id }) => (
            <select id={id} value={voice ?? ""} onChange={(event) => prefer({ voice: event.target.value === "" ? null : event.target.value })}>
              <option value="">{t("settings.usualVoice")}</option>
              {voices.map((one) => (
                <option key={one.voiceURI} value={one.voiceURI}>
                  {`${one.name} (${one.lang})`}
                </option>
              ))}
            </select>
          )}
        </Field>
      )}
    </>
  );
}
