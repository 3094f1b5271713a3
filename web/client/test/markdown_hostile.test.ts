import { beforeEach, describe, expect, test, vi } from "vitest";
import {
  MAX_BLOCK_DEPTH, MAX_BLOCKS, MAX_CELLS, MAX_COLUMNS, MAX_INLINE_DEPTH, MAX_NODES, MAX_SOURCE, MAX_TEX,
} from "../src/markdown/bounds.js";
import { toPlainText } from "../src/markdown/index.js";
import { atOnce } from "../src/markdown/slices.js";
import { Stream } from "../src/markdown/stream.js";
import vectors from "./hostile/vectors.json";
import { drawn, fresh } from "./markdown_helpers.js";

const ELEMENTS = new Set(
  "a blockquote br button code del div em figcaption figure h3 h4 h5 h6 hr input label li ol p pre span strong sup table tbody td th thead tr ul".split(" "),
);
const ATTRIBUTES: Readonly<Record<string, RegExp>> = {
  "aria-label": /^Table$/,
  checked: /^$/,
  class: /^(?:center|code|copied|copy|end|language|language-[a-z\d][a-z\d+#._-]{0,29}|math|math display|notes|plain|start|table|task)$/,
  dir: /^(?:auto|ltr)$/,
  disabled: /^$/,
  href: /^(?:https?:\/\/[^/\s]|mailto:)\S*$/,
  rel: /^noopener noreferrer nofollow$/,
  role: /^(?:group|status)$/,
  scope: /^col$/,
  start: /^\d{1,9}$/,
  tabindex: /^0$/,
  target: /^_blank$/,
  title: /^[^\u202a-\u202e\u2066-\u2069]+$/,
  type: /^(?:button|checkbox)$/,
};

/** What is in the tree and should not be. */
function unsafe(root: HTMLElement): string[] {
  return [...root.querySelectorAll("*")].flatMap((element) => {
    const tag = element.tagName.toLowerCase();
    const bad = [...element.attributes].filter(({ name, value }) => !ATTRIBUTES[name]?.test(value)).map(({ name, value }) => `${tag} ${name}=${value}`);
    if (!ELEMENTS.has(tag) || element.namespaceURI !== "http://www.w3.org/1999/xhtml") bad.push(tag);
    if (tag === "a" && element.querySelector("a")) bad.push("a link in a link");
    return bad;
  });
}

beforeEach(() => void vi.spyOn(performance, "now").mockReturnValue(0));

describe("hostile texts", () => {
  test("are many", () => expect(vectors.length).toBeGreaterThanOrEqual(150));

  test.each(vectors)("$name", ({ markdown }) => {
    expect(unsafe(drawn(markdown))).toEqual([]);
    const { root, view } = fresh();
    for (let end = 1; end < markdown.length; end += 1) {
      view.update(markdown.slice(0, end), false);
      expect(unsafe(root), markdown.slice(0, end)).toEqual([]);
    }
    view.update(markdown, true);
    expect(root.innerHTML).toBe(drawn(markdown).innerHTML);
  });

  test("all at once", () => {
    expect(unsafe(drawn(vectors.map(({ markdown }) => markdown).join("\n\n")))).toEqual([]);
    expect(unsafe(drawn(vectors.map(({ markdown }) => markdown).join(" ")))).toEqual([]);
  });

  test("the check finds what it should", () => {
    const root = document.createElement("div");
    const link = document.createElement("a");
    link.setAttribute("href", "javascript:alert(1)");
    link.setAttribute("onclick", "alert(1)");
    root.append(link, document.createElement("img"));
    expect(unsafe(root)).toEqual(["a href=javascript:alert(1)", "a onclick=alert(1)", "img"]);
  });
});

const MEGABYTE = 1_048_576;
const UNITS = [
  "*", "**a ", "*a **b ", "_a_", "~~", "`", "`a``", "[", "[a](", "![", "[a][b]", "]", "(", "<", "<a ", "<!--", "<https://", "http://", "www.", "a@", "&", "$", "$$", "$a ",
  "\\", "\\(", "\\[\n", "$$\n", "\n$$", "\n", " \n", "> ", ">\n", ">-\n", "- ", "- -\n", "* \\\n", "1. ", "-\n\\\n", "a\n-\n", "#\n", "```\n", "~~~\n", "|", "|a", "|a|b|\n|-|-|\n",
  "|-|-|\n\\\n", "[a]: b\n", "\n[", "a b\n|-|-|\n", "- [ ] ", "x ", "漢", "😀", "\u202e", "a\n", "    a\n", "&amp;", "<br>",
];

describe("endless texts", () => {
  // Seconds, where unbounded work would take hours; a slow and busy machine is given room.
  test.each(UNITS)("a megabyte of %j is read in bounded time", (unit) => {
    const text = unit.repeat(MEGABYTE / unit.length);
    const begun = process.cpuUsage();
    atOnce(new Stream().read(text, true));
    toPlainText(text.slice(0, MAX_SOURCE / 4));
    expect(process.cpuUsage(begun).user / 1_000_000).toBeLessThan(3);
  }, 60_000);

  test.each([
    ["quotes", ">".repeat(20_000), "blockquote", MAX_BLOCK_DEPTH],
    ["lists", Array.from({ length: 200 }, (_, depth) => `${"  ".repeat(depth)}- a`).join("\n"), "ul", MAX_BLOCK_DEPTH],
    ["emphasis", "*a **b ".repeat(200) + " b** a*".repeat(200), "em,strong", MAX_INLINE_DEPTH],
    ["quotes that go on lazily", `${"> ".repeat(14)}a\n${"> b\nc\n".repeat(500)}`, "blockquote", MAX_BLOCK_DEPTH],
  ])("%s nest no deeper than a bound", (_, text, selector, bound) => {
    let depth = 0;
    for (const element of drawn(text).querySelectorAll(selector)) {
      let own = 0;
      for (let at: Element | null = element; at; at = at.parentElement) own += Number(at.matches(selector));
      depth = Math.max(depth, own);
    }
    expect(depth).toBe(bound);
  });

  test("a table has only so many columns and cells", () => {
    const wide = (columns: number): string => `${"|a".repeat(columns)}|\n${"|-".repeat(columns)}|\n`;
    expect(drawn(wide(MAX_COLUMNS)).querySelectorAll("th")).toHaveLength(MAX_COLUMNS);
    expect(drawn(wide(MAX_COLUMNS + 1)).querySelector("table")).toBeNull();
    const long = drawn(wide(50) + "|x\n".repeat(1000));
    expect(long.querySelectorAll("td").length).toBeLessThanOrEqual(MAX_CELLS);
    expect(long.textContent.match(/x/g)).toHaveLength(1000);
  });

  test("there are only so many elements, and no text is lost", () => {
    const root = drawn("*x* ".repeat(MAX_SOURCE / 4));
    expect(root.querySelectorAll("*").length).toBeLessThanOrEqual(MAX_NODES + 2000);
    expect(root.textContent.match(/x/g)).toHaveLength(MAX_SOURCE / 4);
    const items = drawn("- x\n".repeat(MAX_BLOCKS));
    expect(items.textContent.match(/x/g)).toHaveLength(MAX_BLOCKS);
  });

  test("past the last character that is read, text is plain", () => {
    const root = drawn(`${"a\n\n".repeat(MAX_SOURCE / 3)}\n\n**not bold**`);
    expect(root.lastElementChild?.className).toBe("plain");
    expect(root.querySelector("strong")).toBeNull();
    expect(root.textContent.endsWith("**not bold**")).toBe(true);
  });

  test("a formula has only so many characters", () => {
    const onMath = vi.fn();
    drawn(`$$\n${"x".repeat(MAX_TEX + 10)}\n$$\n\n$y$`, { onMath });
    expect(onMath).toHaveBeenCalledTimes(1);
  });

  test("a megabyte that streams is not read again at each update", () => {
    const text = "The reply of a choir, **once** begun.\n\n".repeat(MAX_SOURCE / 40);
    const stream = new Stream();
    const begun = process.cpuUsage();
    for (let end = 0; end < text.length; end += 500) atOnce(stream.read(text.slice(0, end), false));
    expect(process.cpuUsage(begun).user / 1_000_000).toBeLessThan(3);
  }, 60_000);
});
