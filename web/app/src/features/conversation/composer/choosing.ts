import type { SessionState } from "@antiphon/client";
import { stored } from "../../../shared/storage.js";
import { isKnown, valueOf, type Voices } from "../voices.js";

const KEY = "choice";

/** Remember for the next conversation who was chosen. */
export function rememberChoice(value: string): void {
  stored.setItem(KEY, value);
}

/** Who answered last on the branch shown; empty: nobody yet. */
export function lastSender({ path, messages }: SessionState): string {
  for (let at = path.length - 1; at >= 0; at--) {
    const message = messages.get(path[at] ?? "");
    if (message?.role === "assistant") return message.sender;
  }
  return "";
}

/** Whom the picker shows: who was picked, else who answered here last, else who was chosen last, else the usual bot. */
export function valueShown(voices: Voices, picked: string | null, sender: string): string {
  const remembered = stored.getItem(KEY);
  const wanted = [picked, sender === "" ? null : valueOf(voices, sender), remembered].find((value) => value !== null && isKnown(voices, value));
  return wanted ?? (voices.usual === "" ? "" : `bot:${voices.usual}`);
}
