import type { Api, Bot, Choice, Model } from "@antiphon/client";
import { useEffect, useState } from "react";
import { useServer } from "../../shared/server.js";
import { readJson, stored } from "../../shared/storage.js";

/** Who can answer. */
export interface Voices {
  bots: readonly Bot[];
  /** Those not to be had as bots. */
  models: readonly Model[];
  unavailable: readonly { provider: string; code: string; detail: string }[];
  /** The bot that answers unless another is chosen. */
  usual: string;
}

export const NOBODY: Voices = { bots: [], models: [], unavailable: [], usual: "" };

/** Longer lists are not kept, in characters: there are other things to keep, and some servers know thousands of models. */
const MOST_KEPT = 200_000;

const keyOf = ({ base }: Api): string => `voices.${base}`;

function allHave(list: unknown, ...names: string[]): boolean {
  return Array.isArray(list) && list.every((one: unknown) => typeof one === "object" && one !== null && names.every((name) => typeof (one as Record<string, unknown>)[name] === "string"));
}

/** Who could answer the last time, to be shown until the server tells; nobody where nothing usable is kept. */
export function lastVoices(api: Api): Voices {
  const kept = readJson(keyOf(api), null) as Partial<Voices> | null;
  const usable = typeof kept?.usual === "string" && allHave(kept.bots, "name", "title", "greeting", "model") && allHave(kept.models, "id", "provider");
  return usable ? { ...NOBODY, bots: kept.bots ?? [], models: kept.models ?? [], usual: kept.usual ?? "" } : NOBODY;
}

function keep(api: Api, { bots, models, usual }: Voices): void {
  const text = JSON.stringify({ bots, models, usual });
  if (text.length <= MOST_KEPT) stored.setItem(keyOf(api), text);
  else stored.removeItem(keyOf(api));
}

async function ask(api: Api): Promise<Voices> {
  const [{ bots, default: usual }, { models, unavailable }] = await Promise.all([api.bots(), api.models()]);
  const asBots = new Set(bots.map((bot) => bot.model).filter((model) => model.startsWith("builtin/")));
  return { bots, models: models.filter((model) => !asBots.has(model.id)), unavailable, usual };
}

/** Who can answer at the chosen server, until it tells as it told last; asked until then, and again when it is back after a time offline. */
export function useVoices(): Voices {
  const { api, connection } = useServer();
  const [known, setKnown] = useState(() => ({ api, voices: lastVoices(api) }));
  if (known.api !== api) setKnown({ api, voices: lastVoices(api) });
  useEffect(() => {
    const gone = new AbortController();
    const look = async (): Promise<void> => {
      for (let failures = 0; ; failures++) {
        try {
          const voices = await ask(api);
          if (gone.signal.aborted) return;
          setKnown({ api, voices });
          keep(api, voices);
          return;
        } catch {
          await connection.pause(Math.min(30_000, 1000 * 2 ** failures), gone.signal);
          if (gone.signal.aborted) return;
        }
      }
    };
    void look();
    const stop = connection.store.subscribe((now, before) => {
      if (now.status === "connected" && before.status === "offline") void look();
    });
    return () => {
      gone.abort();
      stop();
    };
  }, [api, connection]);
  return known.voices;
}

/** The name to show for a sender: a bot's title, or a model's name without its provider's. */
export function nameOf(voices: Voices, sender: string): string {
  return voices.bots.find((bot) => bot.name === sender)?.title ?? sender.split("/").at(-1) ?? sender;
}

/** The value of the picker that stands for a sender; null if nobody of that name answers any more. */
export function valueOf(voices: Voices, sender: string): string | null {
  if (voices.bots.some((bot) => bot.name === sender)) return `bot:${sender}`;
  return voices.models.some((model) => model.id === sender) ? `model:${sender}` : null;
}

/** Whether somebody stands behind a value of the picker. */
export function isKnown(voices: Voices, value: string): boolean {
  return valueOf(voices, value.slice(value.indexOf(":") + 1)) === value;
}

/** What a value of the picker asks the server for. */
export function choiceOf(value: string): Choice {
  const at = value.indexOf(":");
  const name = value.slice(at + 1);
  if (name === "") return {};
  return value.startsWith("bot:") ? { bot: name } : { model: name };
}
