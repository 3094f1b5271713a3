import { MarkdownView, type MarkdownOptions } from "../src/markdown/index.js";

export const labels = { copy: "Copy", copied: "Copied", code: "Code", table: "Table" };

export function fresh(options: Partial<MarkdownOptions> = {}, root: HTMLElement = document.createElement("div")): { root: HTMLElement; view: MarkdownView } {
  return { root, view: new MarkdownView(root, { labels, ...options }) };
}

/** The page's nodes for a finished text. */
export function drawn(text: string, options: Partial<MarkdownOptions> = {}): HTMLElement {
  const { root, view } = fresh(options);
  view.update(text, true);
  view.flush();
  return root;
}

/** Numbers from 0 to 1 that are the same at every run. */
export function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
