import { EASY_COST, MAX_AT_ONCE, REST } from "./bounds.js";
import type { MarkdownLabels, MarkdownOptions } from "./options.js";
import { Patcher, type Drawn } from "./patch.js";
import { atOnce, Slices, type Work } from "./slices.js";
import { Stream } from "./stream.js";

const CHARACTERS_A_LINE = 72;

interface Text {
  readonly text: string;
  readonly done: boolean;
}

function likelyLines(text: string): number {
  return Math.max(text.split("\n").length, Math.ceil(text.length / CHARACTERS_A_LINE));
}

/** Shows a Markdown text, also while it is being written. The module's comment lists the elements it makes. */
export class MarkdownView {
  private readonly drawn: Drawn[] = [];
  private readonly stream = new Stream();
  private readonly patcher = new Patcher(() => this.options);
  private shown: Text = { text: "", done: false };
  private waiting: Text | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private restUntil = 0;
  private slices: Slices | null = null;
  private readonly toPrint = (): void => this.flush();

  /** Draws into `root`, whose children, `aria-busy` and height are the view's from now on. */
  constructor(private readonly root: HTMLElement, private options: MarkdownOptions) {
    root.replaceChildren();
  }

  /**
   * Shows the whole text so far. `done` says that it is complete: what it looks like then depends on nothing but the text.
   * Up to `MAX_AT_ONCE` new characters are drawn before this returns; before `done`, texts that are costly to draw are
   * drawn less often. More are drawn in slices, in tasks of their own, while the root is `aria-busy`; a text that has
   * nothing drawn yet is to be seen when all of it is.
   */
  update(source: string, done: boolean): void {
    const text = source.includes("\r") ? source.replace(/\r\n?/g, "\n") : source;
    // What is under way is finished first: a reply that comes faster than it is drawn would never be seen.
    if (this.slices !== null) this.waiting = { text, done };
    else if (!done && performance.now() < this.restUntil) {
      this.waiting = { text, done };
      this.timer ??= setTimeout(() => this.drawWaiting(), this.restUntil - performance.now());
    } else this.draw({ text, done });
  }

  /** Draws at once what is waiting or half drawn: for who needs all of it now. Done by itself before the page is printed. */
  flush(): void {
    this.slices?.flush();
    this.drawWaiting();
    this.slices?.flush();
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
    this.slices?.stop();
    this.settle();
    this.drawn.length = 0;
    this.root.replaceChildren();
  }

  private rest(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.waiting = null;
  }

  private drawWaiting(): void {
    if (this.waiting !== null) this.draw(this.waiting);
  }

  private draw(next: Text): void {
    this.rest();
    const { text, done } = this.shown;
    if (next.text === text && next.done === done) return;
    const known = !done && next.text.startsWith(text) ? text.length : 0;
    if (next.text.length - known > MAX_AT_ONCE) this.drawInSlices(next);
    else if (next.done && next.text.length > MAX_AT_ONCE) {
      // All words are there before the text is read as a whole, which may take some slices.
      this.drawAtOnce({ text: next.text, done: false });
      this.drawInSlices(next);
    } else this.drawAtOnce(next);
  }

  private *work(next: Text): Work<void> {
    const nodes = yield* this.stream.read(next.text, next.done);
    yield* this.patcher.children(this.root, this.drawn, nodes);
    this.shown = next;
    this.patcher.handOver();
  }

  private drawAtOnce(next: Text): void {
    const begun = performance.now();
    atOnce(this.work(next));
    const cost = performance.now() - begun;
    this.restUntil = cost > EASY_COST ? begun + cost * (1 + REST) : 0;
  }

  private drawInSlices(next: Text): void {
    const { root } = this;
    root.setAttribute("aria-busy", "true");
    // Laid out but not seen: what is read would else be pushed away slice by slice, and tables change their columns. With
    // about the height that it will have: who scrolls up would else come to an end that is none.
    if (this.drawn.length === 0) Object.assign(root.style, { height: `${likelyLines(next.text)}lh`, overflow: "hidden", opacity: "0" });
    addEventListener("beforeprint", this.toPrint);
    this.slices = new Slices(
      this.work(next),
      // Asking has the slice laid out now: else the next frame would lay out all there are, in a hidden tab the whole text.
      () => root.getBoundingClientRect(),
      () => {
        this.settle();
        this.drawWaiting();
      },
    );
  }

  private settle(): void {
    this.slices = null;
    this.root.removeAttribute("aria-busy");
    Object.assign(this.root.style, { height: "", overflow: "", opacity: "" });
    removeEventListener("beforeprint", this.toPrint);
  }
}
