import { createStore } from "zustand/vanilla";
import { languageOf, piecesOf } from "./pieces.js";

/** Which message is read aloud; null: none. */
export const speaking = createStore<{ readonly id: string | null }>(() => ({ id: null }));

/** Whether this browser can read aloud. */
export const canSpeak = (): boolean => typeof speechSynthesis !== "undefined" && typeof SpeechSynthesisUtterance !== "undefined";

/** Which reading is the valid one: what an interrupted one still reports is void. */
let reading = 0;

export function silence(): void {
  reading++;
  if (canSpeak()) speechSynthesis.cancel();
  speaking.setState({ id: null });
}

/** Read a text aloud, in place of what is being read. `voice`: the chosen voice's `voiceURI`. */
export function speak(id: string, text: string, language: string, voice: string | null): void {
  silence();
  const mine = reading;
  const wanted = languageOf(text, language);
  const pieces = piecesOf(text, wanted);
  const chosen = speechSynthesis.getVoices().find((one) => one.voiceURI === voice && one.lang.startsWith(wanted));
  const say = (at: number): void => {
    if (mine !== reading) return;
    const piece = pieces[at];
    if (piece === undefined) {
      speaking.setState({ id: null });
      return;
    }
    const utterance = new SpeechSynthesisUtterance(piece);
    utterance.lang = chosen?.lang ?? wanted;
    if (chosen !== undefined) utterance.voice = chosen;
    utterance.addEventListener("end", () => say(at + 1));
    utterance.addEventListener("error", () => {
      if (mine === reading) silence();
    });
    speechSynthesis.speak(utterance);
  };
  speaking.setState({ id });
  say(0);
}
