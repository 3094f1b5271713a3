import type { Answer, Order } from "./highlight.worker.js";
import { whenIdle } from "./idle.js";
import { grouped, nodeOf } from "./runs.js";

/** Longer code stays plain: its colours would cost more than they tell. */
export const MOST_CHARACTERS = 50_000;

interface Job {
  code: HTMLElement;
  text: string;
}

/** Colours code blocks; the highlighter is loaded with the first one. */
class Highlighter {
  readonly #jobs = new Map<number, Job>();
  #worker: Worker | null = null;
  #last = 0;

  colour(code: HTMLElement, language: string, text: string): void {
    if (language === "" || text.length > MOST_CHARACTERS || typeof Worker === "undefined") return;
    const id = ++this.#last;
    this.#jobs.set(id, { code, text });
    whenIdle(() => this.#start().postMessage({ id, language, text } satisfies Order));
  }

  #start(): Worker {
    if (this.#worker !== null) return this.#worker;
    const worker = new Worker(new URL("./highlight.worker.ts", import.meta.url), { type: "module" });
    worker.addEventListener("message", ({ data }: MessageEvent<Answer>) => this.#answered(data));
    // A worker that cannot be loaded leaves the code plain, which is whole and legible; the next code asks for another.
    worker.addEventListener("error", () => {
      worker.terminate();
      if (this.#worker === worker) this.#worker = null;
      this.#jobs.clear();
    });
    return (this.#worker = worker);
  }

  #answered({ id, runs }: Answer): void {
    const job = this.#jobs.get(id);
    this.#jobs.delete(id);
    if (job === undefined || runs === null) return;
    const groups = grouped(runs);
    const nodes: HTMLElement[] = [];
    for (const group of groups) whenIdle(() => nodes.push(nodeOf(group)));
    whenIdle(() => {
      // The block may show another text by now, or be gone.
      if (job.code.isConnected && job.code.textContent === job.text) job.code.replaceChildren(...nodes);
    });
  }
}

const highlighter = new Highlighter();

/** Colour a finished code block, in idle time. What cannot be coloured stays as it is. */
export function highlight(code: HTMLElement, language: string, text: string): void {
  highlighter.colour(code, language, text);
}
