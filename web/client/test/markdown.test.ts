import { afterEach, describe, expect, test, vi } from "vitest";
import { toPlainText } from "../src/markdown/index.js";
import { drawn, fresh, labels } from "./markdown_helpers.js";

const headings = (text: string): string[] => [...drawn(text).querySelectorAll("h1, h2, h3, h4, h5, h6")].map((one) => one.tagName);
const html = (text: string): string => drawn(text).innerHTML;

describe("blocks", () => {
  test("headings go below the page's own", () => {
    expect(headings("# 1\n\n## 2\n\n### 3\n\n#### 4\n\n###### 6\n")).toEqual(["H3", "H4", "H5", "H6", "H6"]);
  });

  // What skips a level leaves those who go from heading to heading looking for the one that is not there.
  test.each([
    ["the first is the highest, whatever its level", "#### 4\n\n#### 4\n\n## 2\n\n# 1\n", ["H3", "H3", "H3", "H3"]],
    ["none skips a level on the way down", "## 2\n\n#### 4\n\n###### 6\n\n### 3\n\n## 2\n", ["H3", "H4", "H5", "H4", "H3"]],
    ["those in quotes and lists count too", "> ## 2\n\n- ### 3\n\n##### 5\n", ["H3", "H4", "H5"]],
  ])("of headings %s", (_, text, tags) => expect(headings(text)).toEqual(tags));

  test("only top-level blocks have a direction, found in the text of all that is in them", () => {
    const root = drawn("> مرحبا\n\n- مرحبا\n\n  ثم\n\n| ا |\n|---|\n| ب |\n");
    expect([...root.querySelectorAll("[dir=auto]")].map((block) => block.tagName)).toEqual(["BLOCKQUOTE", "UL", "DIV"]);
  });

  test("lists nest, and start where they say", () => {
    expect(html("3. a\n4. b\n   - c\n")).toBe('<ol dir="auto" start="3"><li>a</li><li>b<ul><li>c</li></ul></li></ol>');
  });

  test("tasks are disabled boxes in their labels", () => {
    const root = drawn("- [x] done `it`\n- [ ] open\n  - sub\n");
    const [done, open] = root.querySelectorAll("label");
    expect(done?.textContent).toBe(" done it");
    expect(done?.querySelector("input")?.checked).toBe(true);
    expect(open?.textContent).toBe(" open");
    expect(root.querySelectorAll("li.task > label > input[type=checkbox][disabled]")).toHaveLength(2);
    expect(drawn("- [x] a\n\n- [ ] b\n").querySelectorAll("li.task > p > label > input")).toHaveLength(2);
  });

  test("a table scrolls by keyboard, is named, and aligns its cells", () => {
    const root = drawn("| a | b | c |\n|:--|--:|:-:|\n| 1<br>2 | x\\|y | |\n");
    const group = root.querySelector("div.table");
    expect(group?.getAttribute("role")).toBe("group");
    expect(group?.getAttribute("aria-label")).toBe("Table");
    expect(group?.getAttribute("tabindex")).toBe("0");
    expect([...root.querySelectorAll("th[scope=col]")].map((cell) => cell.className)).toEqual(["start", "end", "center"]);
    expect([...root.querySelectorAll("td")].map((cell) => cell.innerHTML)).toEqual(["1<br>2", "x|y", ""]);
  });

  test("HTML is the text it is, except a line break", () => {
    const root = drawn("<div>\n<b>x</b> & <i>y</i><br/>z\n</div>");
    expect(root.textContent).toBe("<div><b>x</b> & <i>y</i>z</div>".replace("<div>", "<div>\n").replace("</div>", "\n</div>"));
    expect([...root.querySelectorAll("*")].map((one) => one.tagName)).toEqual(["P", "BR"]);
  });

  test("character references", () => {
    expect(drawn("&lt;b&gt; &amp;amp; &#65;&#x42; &#0; &nope; `&lt;`").textContent).toBe("<b> &amp; AB \ufffd &nope; &lt;");
  });
});

describe("links", () => {
  test("show where they really lead, and open elsewhere", () => {
    const link = drawn('[bank](https://bank.example@evil.example/x "The bank")').querySelector("a");
    expect(link?.title).toBe("evil.example");
    expect(link?.rel).toBe("noopener noreferrer nofollow");
    expect(link?.target).toBe("_blank");
    expect(drawn("[аpple](https://аpple.com/)").querySelector("a")?.title).toBe("xn--pple-43d.com");
    expect(drawn("<me@example.org>").querySelector("a")?.title).toBe("me@example.org");
  });

  test.each([
    ["[a](/x)", "a (/x)"],
    ["[a](javascript:alert(1))", "a (javascript:alert(1))"],
    ["[a](ftp://example.org)", "a (ftp://example.org)"],
    ["![a](x.png)", "a (x.png)"],
    ["![a](data:image/png;base64,AAAA)", "a"],
  ])("%s is text", (text, shown) => {
    const root = drawn(text);
    expect(root.querySelector("a")).toBeNull();
    expect(root.textContent).toBe(shown);
  });

  test("an endless address is text, and cut", () => {
    const root = drawn(`[a]\n\n[a]: https://e.example/${"x".repeat(5000)}`);
    expect(root.querySelector("a")).toBeNull();
    expect(root.textContent).toBe(`a (https://e.example/${"x".repeat(182)}…)`);
  });

  test("an image is a link to it, and never a link in a link", () => {
    expect(html("![alt](https://e.example/i.png)")).toContain(">alt</a>");
    const badge = drawn("[![badge](https://b.example/b.svg)](https://e.example)");
    expect(badge.querySelectorAll("a")).toHaveLength(1);
    expect(badge.querySelector("a")?.href).toBe("https://e.example/");
  });

  test("nothing invisible turns a link's text or code around", () => {
    expect(drawn("[\u202eabc\u2066](https://e.example)").textContent).toBe("\ufffdabc\ufffd");
    expect(drawn("`a\u202eb`\n\n```\n\u2067x\n```").querySelector("pre")?.textContent).toBe("\ufffdx");
  });

  test("the page is told of each", () => {
    const onLink = vi.fn();
    drawn("[a](https://a.example) <https://b.example>", { onLink });
    expect(onLink).toHaveBeenCalledTimes(2);
  });
});

describe("formulas", () => {
  const formulas = (text: string): string[] => {
    const found: string[] = [];
    drawn(text, { onMath: (_, tex, display) => found.push(`${display ? "display" : "inline"} ${tex}`) });
    return found;
  };

  test.each([
    ["$x^2$ and \\(y\\)", ["inline x^2", "inline y"]],
    ["$$x=1$$ and \\[y=2\\]", ["display x=1", "display y=2"]],
    ["text\n$$\na\n- b\n$$\nmore", ["display a\n- b"]],
    ["\\[\nE = mc^2\n\\]", ["display E = mc^2"]],
    ["1. a\n   $$\n   y\n   $$\n", ["display y"]],
    ["the $n$th, $\\$5$", ["inline n", "inline \\$5"]],
    ["*note $a^*$ and $b^*$ end*", ["inline a^*", "inline b^*"]],
    ["| $x$ |\n|---|\n| $y$ |", ["inline x", "inline y"]],
  ])("%s", (text, expected) => expect(formulas(text)).toEqual(expected));

  test.each(["$5 and $10", "$5-$10", "$ x $", "`$x$`", "$a `$b`", "\\$x$", "US$5 to CA$7", "\\[a link\\](x)", "$$\n\nx\n\n$$", "$$ $$", "```\n$x$\n```", "$x"])("%s is text", (text) => {
    expect(formulas(text)).toEqual([]);
  });

  test("emphasis around a formula stays", () => {
    expect(drawn("*note $a^*$ end*").querySelector("em")?.textContent).toBe("note $a^*$ end");
  });
});

describe("code", () => {
  afterEach(() => vi.unstubAllGlobals());

  test("has a head with its language, and scrolls by keyboard", () => {
    const root = drawn("```Python title=x\nprint(1)\n```\n\n```<img>\nx\n```\n\n    y\n");
    expect([...root.querySelectorAll("figcaption .language")].map((one) => one.textContent)).toEqual(["python", "Code", "Code"]);
    expect([...root.querySelectorAll("pre[tabindex='0'] > code")].map((one) => one.className)).toEqual(["language-python", "", ""]);
  });

  test("is handed over once it is finished", () => {
    const onCode = vi.fn();
    const { view } = fresh({ onCode });
    view.update("```js\nlet a;\n", false);
    view.update("```js\nlet a;\n```", false);
    expect(onCode).not.toHaveBeenCalled();
    view.update("```js\nlet a;\n```\n\nAfter", false);
    view.update("```js\nlet a;\n```\n\nAfterwards", true);
    expect(onCode.mock.calls.map(([element, ...rest]: unknown[]) => [(element as HTMLElement).tagName, ...rest])).toEqual([["CODE", "js", "let a;"]]);
  });

  test("is copied, and that is announced", async () => {
    const writeText = vi.fn(() => Promise.resolve());
    vi.stubGlobal("navigator", { clipboard: { writeText } });
    const root = drawn("```\na < b\n```");
    const button = root.querySelector<HTMLButtonElement>("button.copy[type=button]");
    expect(button?.textContent).toBe("Copy");
    button?.click();
    await vi.waitFor(() => expect(root.querySelector("[role=status]")?.textContent).toBe("Copied"));
    expect(writeText).toHaveBeenCalledWith("a < b");
  });

  test("is copied without a clipboard too", async () => {
    vi.stubGlobal("navigator", {});
    let copied = "";
    const execCommand = vi.fn(() => {
      copied = root.querySelector<HTMLTextAreaElement>("textarea")?.value ?? "";
      return true;
    });
    vi.stubGlobal("document", Object.assign(document, { execCommand }));
    const root = drawn("```\ncode\n```");
    root.querySelector("button")?.click();
    await vi.waitFor(() => expect(root.querySelector("[role=status]")?.textContent).toBe("Copied"));
    expect(copied).toBe("code");
    expect(root.querySelector("textarea")).toBeNull();
  });
});

test("other labels are put on what is shown", () => {
  const { root, view } = fresh();
  view.update("```\nx\n```\n\n```js\ny\n```\n\n|a|\n|-|\n", true);
  view.relabel({ ...labels, copy: "Copier", code: "Programme", table: "Tableau" });
  expect([...root.querySelectorAll(".language, button")].map((one) => one.textContent)).toEqual(["Programme", "Copier", "js", "Copier"]);
  expect(root.querySelector("[role=group]")?.getAttribute("aria-label")).toBe("Tableau");
});

test("plain text is what one reads aloud", () => {
  expect(toPlainText("# Hi *you*\n\nA [link](https://e.example), $x$.\n\n- a\n  - b\n\n```js\nno\n```\n\n|a|b|\n|-|-|\n|1|2|\n")).toBe("Hi you\nA link, x.\na\nb\na, b\n1, 2");
});
