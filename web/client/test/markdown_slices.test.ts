import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { MAX_AT_ONCE } from "../src/markdown/bounds.js";
import type * as Lexing from "../src/markdown/lexer.js";
import { atOnce } from "../src/markdown/slices.js";
import { CORPUS } from "./markdown_corpus.js";
import { drawn, fresh, labels, random } from "./markdown_helpers.js";

const TEXTS = Object.values(CORPUS);

/** A text of texts of the corpus, longer than what is drawn at once. */
function long(seed: number): string {
  const next = random(seed);
  let text = "";
  while (text.length <= MAX_AT_ONCE) text += `${TEXTS[Math.floor(next() * TEXTS.length)] ?? ""}\n\n`;
  return text;
}

const task = (): Promise<void> => new Promise((resolve) => void setTimeout(resolve));

async function quiet(root: HTMLElement): Promise<void> {
  while (root.hasAttribute("aria-busy")) await task();
}

/** The texts of all code blocks handed over, and how much of the text was drawn then. */
function handed(root: HTMLElement): { onCode: (code: HTMLElement, language: string, text: string) => void; calls: [string, boolean][] } {
  const calls: [string, boolean][] = [];
  return { calls, onCode: (_, __, text) => calls.push([text, root.textContent.includes("The end.")]) };
}

// Each look at the clock is later than a slice may last: every step is a slice of its own.
beforeEach(() => {
  let now = 0;
  vi.spyOn(performance, "now").mockImplementation(() => (now += 1000));
});
afterEach(() => void vi.restoreAllMocks());

describe("what is drawn in slices looks as if it had been drawn at once", () => {
  test.each([1, 2, 3, 4, 5, 6])("a stored text %i", async (seed) => {
    const text = long(seed);
    const { root, view } = fresh();
    view.update(text, true);
    await quiet(root);
    expect(root.innerHTML).toBe(drawn(text).innerHTML);
  });

  test.each([7, 8, 9, 10])("a reply that goes on while it is drawn %i", async (seed) => {
    const [text, next] = [long(seed) + long(seed + 100), random(seed)];
    const { root, view } = fresh();
    for (let end = MAX_AT_ONCE + 1; end < text.length; end += Math.ceil(next() * 700)) {
      view.update(text.slice(0, end), false);
      if (next() < 0.5) await task();
    }
    view.update(text, true);
    await quiet(root);
    expect(root.innerHTML).toBe(drawn(text).innerHTML);
  });

  test("one list, one table, one quote, one paragraph", async () => {
    for (const [head, line] of [["", "- *item*\n"], ["|a|b|\n|-|-|\n", "| **x** | y |\n"], ["", "> - quoted\n"], ["", "words and `code` "]] as const) {
      const text = head + line.repeat(MAX_AT_ONCE / line.length + 1);
      const { root, view } = fresh();
      view.update(text, true);
      expect([root.getAttribute("aria-busy"), root.innerHTML]).toEqual(["true", ""]);
      await quiet(root);
      expect(root.innerHTML).toBe(drawn(text).innerHTML);
    }
  });
});

/** The lexer, leaving off after so many blocks. */
async function pausing(blocks: number): Promise<typeof Lexing> {
  vi.resetModules();
  vi.doMock("../src/markdown/bounds.js", async (original) => ({ ...(await original<object>()), BLOCKS_A_STEP: blocks }));
  return import("../src/markdown/lexer.js");
}

describe("a pause between two blocks changes nothing", () => {
  const MARKS = ["*", "`", "```\n", "~~", "[a]: https://a.example\n", "[^1]: x\n", "[a]", "\n", "\n\n", "- ", "1. ", "> ", "# ", "|a|b|\n|-|-|\n", "|", "$$", "$$\nx\n$$\n", "\\[", "    ", "a", "b ", "a\n", "===\n", "---\n", "<br>", "<div>\n", "</div>\n", "&amp;"];

  test("in any sequence of marks", async () => {
    const [often, never] = [await pausing(2), await pausing(Infinity)];
    const next = random(3);
    const texts = [...TEXTS, TEXTS.join("")];
    for (let round = 0; round < 600; round += 1) texts.push(Array.from({ length: 3 + Math.floor(next() * 30) }, () => MARKS[Math.floor(next() * MARKS.length)] ?? "").join(""));
    for (const text of texts) {
      const [one, other] = [often, never].map(({ readBlocks }) => {
        const { tokens, rest, links } = atOnce(readBlocks(text, {}, false));
        return { tokens: [...tokens], rest, links };
      });
      expect(one, JSON.stringify(text)).toEqual(other);
    }
  }, 30_000);
});

describe("while a text is drawn in slices", () => {
  const BLOCKS = 120;
  const STORED = `${"A *word* of\n\n```js\nlet a;\n```\n\n|a|\n|-|\n|b|\n\n".repeat(BLOCKS)}The end.`;

  test("it is busy, and seen when it is whole", async () => {
    const { root, view } = fresh();
    view.update("short", true);
    expect([root.textContent, root.hasAttribute("aria-busy")]).toEqual(["short", false]);
    const other = fresh();
    other.view.update(STORED, true);
    await task();
    expect([other.root.getAttribute("aria-busy"), other.root.style.overflow, other.root.style.opacity]).toEqual(["true", "hidden", "0"]);
    await quiet(other.root);
    expect(other.root.getAttribute("style") ?? "").toBe("");
    expect(other.root.textContent).toMatch(/The end\.$/);
  });

  test("what embellishes it waits until it is seen, and comes once", async () => {
    const { root } = fresh();
    const { calls, onCode } = handed(root);
    fresh({ onCode }, root).view.update(STORED, true);
    await quiet(root);
    expect(calls).toEqual(Array.from({ length: BLOCKS }, () => ["let a;", true]));
  });

  test("what goes on is drawn after it, and nothing in between", async () => {
    const { root, view } = fresh();
    for (const part of ["", " and", " and more", " and more of it"]) view.update(STORED + part, false);
    await quiet(root);
    expect(root.textContent).toMatch(/The end\. and more of it$/);
  });

  test.each(["flush", "beforeprint"])("%s draws the rest at once", async (way) => {
    const { root, view } = fresh();
    view.update(STORED, false);
    await task();
    view.update(`${STORED} It is.`, true);
    if (way === "flush") view.flush();
    else dispatchEvent(new Event("beforeprint"));
    expect([root.textContent.endsWith("The end. It is."), root.hasAttribute("aria-busy"), root.style.height]).toEqual([true, false, ""]);
    const html = root.innerHTML;
    await task();
    expect(root.innerHTML).toBe(html);
  });

  test("it can be given up", async () => {
    const { root, view } = fresh();
    view.update(STORED, true);
    await task();
    view.destroy();
    await task();
    dispatchEvent(new Event("beforeprint"));
    expect([root.innerHTML, root.hasAttribute("aria-busy"), root.style.height]).toEqual(["", false, ""]);
  });

  test("other labels are put on what is drawn and on what is not yet", async () => {
    const { root, view } = fresh();
    view.update(STORED, true);
    while (root.querySelectorAll("div.table").length < 3) await task();
    expect(root.querySelectorAll("div.table").length).toBeLessThan(BLOCKS);
    view.relabel({ ...labels, copy: "Copier", table: "Tableau" });
    await quiet(root);
    expect(new Set([...root.querySelectorAll("button")].map((one) => one.textContent))).toEqual(new Set(["Copier"]));
    expect(new Set([...root.querySelectorAll("div.table")].map((one) => one.getAttribute("aria-label")))).toEqual(new Set(["Tableau"]));
  });

  test("an embedding page that fails hides nothing", () => {
    const { root, view } = fresh({
      onLink: () => {
        throw new Error("no");
      },
    });
    view.update(`${STORED}\n\n<https://a.example>`, true);
    expect(() => view.flush()).toThrow("no");
    expect([root.hasAttribute("aria-busy"), root.style.height, root.textContent.includes("The end.")]).toEqual([false, "", true]);
  });
});

test("at the end of a long reply all words are there at once, and what was drawn stays", async () => {
  const text = "The *reply* grows.\n\n".repeat(MAX_AT_ONCE / 20 + 1);
  const { root, view } = fresh();
  for (let end = 0; end < text.length; end += 500) view.update(text.slice(0, end), false);
  await quiet(root);
  const before = [...root.querySelectorAll("p")].slice(0, 100);
  view.update(`${text}Its last words.`, true);
  expect(root.textContent).toMatch(/Its last words\.$/);
  expect(root.style.height).toBe("");
  await quiet(root);
  expect([...root.querySelectorAll("p")].slice(0, 100)).toEqual(before);
});
