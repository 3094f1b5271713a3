import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { MarkdownOptions } from "../src/markdown/index.js";
import { CORPUS } from "./markdown_corpus.js";
import { drawn, fresh, random } from "./markdown_helpers.js";

const TYPESETTING: Partial<MarkdownOptions> = {
  onCode: (code, language, text) => code.replaceChildren(document.createElement("mark"), `${language}:${text}`),
  onMath: (element, tex, display) => element.replaceChildren(`${display ? "display" : "inline"}:${tex}`),
};

const whole = (text: string): string => drawn(text, TYPESETTING).innerHTML;

/** Streams a text in random chunks; `largest` is their greatest length. */
function streamed(text: string, seed: number, largest: number): string {
  const { root, view } = fresh(TYPESETTING);
  const next = random(seed);
  for (let end = 0; end < text.length; end += 1 + Math.floor(next() * largest)) view.update(text.slice(0, end), false);
  if (next() < 0.5) view.update(text, false);
  view.update(text, true);
  return root.innerHTML;
}

// The pauses after costly updates would skip chunks that these tests want drawn.
beforeEach(() => void vi.spyOn(performance, "now").mockReturnValue(0));
afterEach(() => void vi.restoreAllMocks());

describe("a streamed text looks in the end as if it had come at once", () => {
  test.each(Object.entries(CORPUS))("%s", (_, text) => {
    const expected = whole(text);
    for (let seed = 1; seed <= 12; seed += 1) expect(streamed(text, seed, [1, 3, 8, 40][seed % 4] ?? 1)).toBe(expected);
  });

  test("any sequence of texts", () => {
    const texts = Object.values(CORPUS);
    const next = random(7);
    for (let round = 0; round < 60; round += 1) {
      const pick = (): string => texts[Math.floor(next() * texts.length)] ?? "";
      const [first, second] = [pick(), pick()];
      const text = first.slice(Math.floor(next() * 30)) + second.slice(0, Math.floor(next() * second.length)) + pick();
      expect(streamed(text, round + 1, 1 + (round % 17)), JSON.stringify(text)).toBe(whole(text));
    }
  }, 30_000);

  test("any sequence of marks", () => {
    const marks = ["*", "**", "_", "`", "```\n", "~~", "[", "](", ")", "[a]: https://a.example\n", "[a]", "\n", "\n\n", "- ", "1. ", "> ", "# ", "|", "|-|\n", "$", "$$", "\\[", "\\]", "\\", "    ", "a", "b ", "===\n", "---\n", "<br>", "&amp;", "https://x.example"];
    const next = random(11);
    for (let round = 0; round < 250; round += 1) {
      const text = Array.from({ length: 3 + Math.floor(next() * 30) }, () => marks[Math.floor(next() * marks.length)] ?? "").join("");
      expect(streamed(text, round + 1, 1 + (round % 5)), JSON.stringify(text)).toBe(whole(text));
    }
  }, 30_000);
});

describe("while a text grows", () => {
  /** The texts that are shown, one for each character that comes. */
  const shown = (text: string): string[] => {
    const { root, view } = fresh();
    return Array.from(text, (_, index) => {
      view.update(text.slice(0, index + 1), false);
      return root.textContent;
    });
  };

  test("a heading has from its first letter on the level that it will have", () => {
    const text = "### a\n\nx\n\n> ##### b\n\ny\n\n- z\n\n###### c\n\nx\n\n## d\n\nx\n\n#### e\n\nend";
    const { root, view } = fresh();
    const seen: Record<string, Set<string>> = {};
    for (let end = 1; end <= text.length; end += 1) {
      view.update(text.slice(0, end), end === text.length);
      for (const one of root.querySelectorAll("h3, h4, h5, h6")) if (one.textContent) (seen[one.textContent] ??= new Set()).add(one.tagName);
    }
    expect(Object.entries(seen).map(([name, tags]) => [name, ...tags])).toEqual([["a", "H3"], ["b", "H4"], ["c", "H5"], ["d", "H3"], ["e", "H4"]]);
  });

  test("no word is lost that a line end or a space has ended", () => {
    const text = CORPUS.prose + CORPUS.quotes + CORPUS.emphasis + CORPUS.arabic + CORPUS.tight;
    const { root, view } = fresh();
    for (let end = 1; end < text.length; end += 1) {
      const part = text.slice(0, end);
      view.update(part, false);
      const words = part.slice(0, part.search(/\S*$/)).replace(/\[d\]: \S*/, "").replace(/\]\([^)]*\)?/g, "").match(/[\p{L}_]{3,}/gu) ?? [];
      const read = root.textContent;
      expect(words.filter((word) => !read.includes(word.replace(/^_+|_+$/g, ""))), part.slice(-40)).toEqual([]);
    }
  });

  test.each([
    ["Some **bold** and *italic* and `code` text", /[*`]/],
    ["See [the text](https://example.org/a/b) there", /\]\(|example/],
    ["Text\n\n- one\n- two", /-/],
    ["Text\n\n## Title", /#/],
    ["Text\n\n1. one\n2. two", /\d/],
    ["a\n\n```js\nlet\n```\n\nb", /`/],
    ["a\n\n| b | c |\n|---|---|\n| d | e |", /---/],
  ])("%j shows no half-written marks", (text, marks) => {
    expect(shown(text).filter((part) => marks.test(part))).toEqual([]);
  });

  test("a line that may turn out to be underlined is no heading yet", () => {
    const { root, view } = fresh();
    for (const part of ["Here:\n-", "Here:\n- ", "Here:\n- a"]) {
      view.update(part, false);
      expect(root.querySelector("h4")).toBeNull();
    }
    expect(root.querySelector("li")?.textContent).toBe("a");
  });

  test("what is finished keeps its nodes, and an open code block its text node", () => {
    const { root, view } = fresh();
    const start = "First **bold** text.\n\n- a\n- b\n\n|a|b|\n|-|-|\n|1|2|\n\n```js\nlet a;\n";
    view.update(start, false);
    const before = [...root.querySelectorAll("*")];
    const text = root.querySelector("pre code")?.firstChild;
    const replaced = vi.fn();
    const observer = new MutationObserver(replaced);
    observer.observe(root, { childList: true, subtree: true });
    for (let line = 0; line < 50; line += 1) view.update(start + "let b = 1;\n".repeat(line), false);
    expect(observer.takeRecords()).toEqual([]);
    expect([...root.querySelectorAll("*")]).toEqual(before);
    expect(root.querySelector("pre code")?.firstChild).toBe(text);
    observer.disconnect();
  });

  test("a growing list and table keep their items and rows", () => {
    const { root, view } = fresh();
    const [list, table] = ["- one **1**\n- two\n", "\n|a|b|\n|-|-|\n|1|2|\n|3|4|\n"];
    view.update(list, false);
    const items = [...root.querySelectorAll("li")];
    view.update(`${list}- three\n  - four\n${table}`, false);
    expect([...root.querySelectorAll("li")].slice(0, 2)).toEqual(items);
    const rows = [...root.querySelectorAll("tr")];
    view.update(`${list}- three\n  - four\n${table}|5|6|\n|7|8`, true);
    expect([...root.querySelectorAll("tr")].slice(0, 3)).toEqual(rows);
    expect(root.querySelectorAll("tr")).toHaveLength(5);
  });

  test("a selection in finished text stays", () => {
    const { root, view } = fresh();
    document.body.append(root);
    view.update("Finished text.\n\nNext\n\n", false);
    const range = document.createRange();
    range.selectNodeContents(root.querySelector("p") ?? root);
    view.update("Finished text.\n\nNext\n\nand [more][x].\n\n[x]: https://x.example\n", true);
    expect(range.toString()).toBe("Finished text.");
    root.remove();
  });

  test("formulas and code are handed over once each, when their block is finished", () => {
    const calls: string[] = [];
    const { view } = fresh({ onMath: (_, tex) => calls.push(tex), onCode: (_, __, text) => calls.push(text) });
    const text = "So $a$ is\n\n$$\nb\n$$\n\n```\nc\n```\n\n- $d$\n- $e$\n\n| $f$ |\n|-|\n| $g$ |\n\nend $h$";
    for (let end = 1; end < text.length; end += 1) {
      view.update(text.slice(0, end), false);
      if (text.slice(0, end).endsWith("So $a$")) expect(calls).toEqual([]);
    }
    view.update(text, true);
    expect(calls).toEqual(["a", "b", "c", "d", "e", "f", "g", "h"]);
  });

  test("a definition that comes late makes its link in the end", () => {
    const { root, view } = fresh();
    const use = `See [this].\n\n${"More.\n\n".repeat(5)}`;
    const text = `${use}[this]: https://example.org`;
    view.update(use, false);
    view.update(text, false);
    expect(root.querySelector("a")).toBeNull();
    view.update(text, true);
    expect(root.querySelector("a")?.href).toBe("https://example.org/");
  });

  test.each([
    ["# One\n\ntwo\n\nthree\n\nfour", "Other\n\n- text"],
    ["3. a\n4. b", "1. a\n2. b"],
    ["- [x] a\n- [ ] b", "- a\n- [x] b"],
    ["|a|b|\n|:-|-:|\n|1|2|", "|a|b|\n|-|-|\n|1|"],
    ["```js\nx\n```", "    y"],
    ["[a](https://a.example) b", "[a](https://b.example) *b*"],
  ])("%j gives place to %j", (text, other) => {
    const { root, view } = fresh();
    for (const done of [false, true]) {
      view.update(text, done);
      view.update(other, true);
      expect(root.innerHTML).toBe(drawn(other).innerHTML);
    }
    view.destroy();
    expect(root.innerHTML).toBe("");
  });
});

describe("costly updates", () => {
  test("are spaced out to a fifth of the time, and the last one is drawn", () => {
    vi.useFakeTimers();
    let now = 0;
    const { root, view } = fresh({ onLink: () => (now += 10) });
    vi.spyOn(performance, "now").mockImplementation(() => now);
    view.update("<https://a.example> one", false);
    view.update("<https://a.example> one two", false);
    expect(root.textContent).toBe("https://a.example one");
    now += 39;
    view.update("<https://a.example> one two three", false);
    expect(root.textContent).toBe("https://a.example one");
    now += 1;
    vi.advanceTimersByTime(40);
    expect(root.textContent).toBe("https://a.example one two three");
    vi.useRealTimers();
  });

  test("never hold back the whole text", () => {
    let now = 0;
    const { root, view } = fresh({ onLink: () => (now += 1000) });
    vi.spyOn(performance, "now").mockImplementation(() => now);
    view.update("<https://a.example>", false);
    view.update("<https://a.example> done", true);
    expect(root.textContent).toBe("https://a.example done");
  });
});
