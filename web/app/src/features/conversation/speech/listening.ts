/** The parts used of the browsers' speech recognition, which TypeScript does not know. */
interface Recognition extends EventTarget {
  lang: string;
  continuous: boolean;
  interimResults: boolean;
  start(): void;
  stop(): void;
  abort(): void;
}
interface Heard extends Event {
  readonly results: ArrayLike<ArrayLike<{ readonly transcript: string }>>;
}
interface Failed extends Event {
  readonly error: string;
}

function recognizer(): (new () => Recognition) | null {
  const { SpeechRecognition, webkitSpeechRecognition } = globalThis as unknown as Record<string, (new () => Recognition) | undefined>;
  return SpeechRecognition ?? webkitSpeechRecognition ?? null;
}

/** Whether this browser can listen. */
export const canListen = (): boolean => recognizer() !== null;

export interface Listening {
  /** Stop; what was said so far still arrives. */
  stop(): void;
  /** Stop, and hear nothing more of it. */
  abort(): void;
}

export interface Ears {
  /** All that was said since the beginning, also what may change yet. */
  onText(text: string): void;
  /** It is over; `error` is the browser's word for what went wrong (`not-allowed`, `network`, …), or null. */
  onEnd(error: string | null): void;
}

/** Listen to the reader in a language. Only where `canListen`. */
export function listen(language: string, ears: Ears): Listening {
  const Maker = recognizer();
  if (Maker === null) throw new Error("This browser cannot listen.");
  const recognition = new Maker();
  let error: string | null = null;
  let over = false;
  recognition.lang = language;
  recognition.continuous = true;
  recognition.interimResults = true;
  recognition.addEventListener("result", (event) => {
    if (over) return;
    ears.onText(Array.from((event as Heard).results, (result) => result[0]?.transcript ?? "").join(""));
  });
  recognition.addEventListener("error", (event) => (error = (event as Failed).error));
  recognition.addEventListener("end", () => {
    if (!over) ears.onEnd(error);
    over = true;
  });
  recognition.start();
  return {
    stop: () => recognition.stop(),
    abort() {
      over = true;
      recognition.abort();
    },
  };
}
