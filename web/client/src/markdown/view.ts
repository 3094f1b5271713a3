import { EASY_COST, REST } from "./bounds.js";
import type { MarkdownLabels, MarkdownOptions } from "./options.js";
import { Patcher, type Drawn } from "./patch.js";
import { Stream } from "./stream.js";

/** Shows a Markdown text, also while it is being written. The module's comment lists the elements it makes. */
export class MarkdownView {
  private readonly drawn: Drawn[] = [];
  private readonly stream = new Stream();
  private readonly patcher = new Patcher(() => this.options);
  private shown: string | null = null;
  private done = false;
  private waiting: string | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private restUntil = 0;

  /** Draws into `root`, whose children are the view's from now on. */
  constructor(private readonly root: HTMLElement, private options: MarkdownOptions) {
    root.replaceChildren();
  }

  /**
   * Shows the whole text so far. `done` says that it is complete: it is then drawn at once, and what it looks like
   * depends on nothing but the text. Before that, texts that are costly to draw are drawn less often.
   */
  update(source: string, done: boolean): void {
    const text = source.includes("\r") ? source.replace(/\r\n?/g, "\n") : source;
    if (!done && performance.now() < this.restUntil) {
      this.waiting = text;
      this.timer ??= setTimeout(() => this.drawWaiting(), this.restUntil - performance.now());
    } else this.draw(text, done);
  }

  /** Puts other words on what is shown already. */
  relabel(labels: MarkdownLabels): void {
    this.options = { ...this.options, labels };
    this.root.querySelectorAll("figure.code").forEach((figure) => {
      const named = figure.querySelector("code")?.className.startsWith("language-");
      const [language, button] = [figure.querySelector(".language"), figure.querySelector(".copy")];
      if (language && !named) language.textContent = labels.code;
      if (button) button.textContent = labels.copy;
    });
    this.root.querySelectorAll("div.table").forEach((table) => table.setAttribute("aria-label", labels.table));
  }

  /** Empties the root and ends what is under way. */
  destroy(): void {
    this.rest();
    this.drawn.length = 0;
    this.root.replaceChildren();
  }

  private rest(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.waiting = null;
  }

  private drawWaiting(): void {
    if (this.waiting !== null) this.draw(this.waiting, false);
  }

  private draw(text: string, done: boolean): void {
    this.rest();
    if (text === this.shown && done === this.done) return;
    const begun = performance.now();
    this.patcher.children(this.root, this.drawn, this.stream.read(text, done));
    [this.shown, this.done] = [text, done];
    const cost = performance.now() - begun;
    this.restUntil = cost > EASY_COST ? begun + cost * (1 + REST) : 0;
  }
}
