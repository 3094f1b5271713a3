import { describe, expect, test, vi } from "vitest";
import { MarkdownView, type MarkdownOptions } from "../src/markdown/index.js";
import { CORPUS } from "./markdown_corpus.js";

const labels = { copy: "Copy", copied: "Copied", code: "Code", table: "Table" };

/** Numbers from 0 to 1 that are the same at every run. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

function fresh(options: Partial<MarkdownOptions> = {}): { root: HTMLElement; view: MarkdownView } {
  const root = document.createElement("div");
  return { root, view: new MarkdownView(root, { labels, ...options }) };
}

const TYPESETTING: Partial<MarkdownOptions> = {
  onCode: (code, language, text) => code.replaceChildren(document.createElement("mark"), `${language}:${text}`),
  onMath: (element, tex, display) => element.replaceChildren(`${display ? "display" : "inline"}:${tex}`),
};

function whole(text: string): string {
  const { root, view } = fresh(TYPESETTING);
  view.update(text, true);
  return root.innerHTML;
}

/** Streams a text in random chunks; `largest` is their greatest length. */
function streamed(text: string, seed: number, largest: number): string {
  const { root, view } = fresh(TYPESETTING);
  const next = random(seed);
  for (let end = 0; end < text.length; end += 1 + Math.floor(next() * largest)) view.update(text.slice(0, end), false);
  if (next() < 0.5) view.update(text, false);
  view.update(text, true);
  return root.innerHTML;
}

describe("a streamed text looks in the end as if it had come at once", () => {
  // The pauses after costly updates would skip chunks that these tests want drawn.
  vi.spyOn(performance, "now").mockReturnValue(0);

  test.each(Object.entries(CORPUS))("%s", (_, text) => {
    const expected = whole(text);
    for (let seed = 1; seed <= 12; seed += 1) expect(streamed(text, seed, [1, 3, 8, 40][seed % 4] ?? 1)).toBe(expected);
  });

  test("any sequence of texts", () => {
    const texts = Object.values(CORPUS);
    const next = random(7);
    for (let round = 0; round < 150; round += 1) {
      const pick = (): string => texts[Math.floor(next() * texts.length)] ?? "";
      const [first, second] = [pick(), pick()];
      const text = first.slice(Math.floor(next() * 30)) + second.slice(0, Math.floor(next() * second.length)) + pick();
      expect(streamed(text, round + 1, 1 + (round % 17)), JSON.stringify(text)).toBe(whole(text));
    }
  });

  test("any sequence of marks", () => {
    const marks = ["*", "**", "_", "`", "```\n", "~~", "[", "](", ")", "[a]: https://a.example\n", "[a]", "\n", "\n\n", "- ", "1. ", "> ", "# ", "|", "|-|\n", "$", "$$", "\\[", "\\]", "\\", "    ", "a", "b ", "===\n", "---\n", "<br>", "&amp;", "https://x.example"];
    const next = random(11);
    for (let round = 0; round < 600; round += 1) {
      const text = Array.from({ length: 3 + Math.floor(next() * 30) }, () => marks[Math.floor(next() * marks.length)] ?? "").join("");
      expect(streamed(text, round + 1, 1 + (round % 5)), JSON.stringify(text)).toBe(whole(text));
    }
  });
});
