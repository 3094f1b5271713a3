import { MarkdownView, type MarkdownOptions } from "../src/markdown/index.js";

export const labels = { copy: "Copy", copied: "Copied", code: "Code", table: "Table" };

export function fresh(options: Partial<MarkdownOptions> = {}): { root: HTMLElement; view: MarkdownView } {
  const root = document.createElement("div");
  return { root, view: new MarkdownView(root, { labels, ...options }) };
}

/** The page's nodes for a finished text. */
export function drawn(text: string, options: Partial<MarkdownOptions> = {}): HTMLElement {
  const { root, view } = fresh(options);
  view.update(text, true);
  return root;
}
