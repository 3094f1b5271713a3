import { test } from "vitest";
import { MarkdownView, toPlainText } from "../src/markdown/index.js";
test("try", () => {
  const root = document.createElement("div");
  const v = new MarkdownView(root, { labels: { copy: "Copy", copied: "Copied", code: "Code", table: "Table" }, onMath(e, t, d) { e.textContent = `<<${t}|${d}>>`; } });
  const src = "# Hi **you**\n\nA [link](https://a.org/x \"t\") and [bad](javascript:alert(1)) ![img](https://x.y/z.png) $a_1 + b_1$ costs $5 and $10. \\(x^2\\) &amp; <b>x</b> a<br>b\n\n- [x] done `code`\n- [ ] open\n  - sub\n\n```python\nprint(1)\n```\n\n| a | b |\n|:--|--:|\n| 1 | 2<br>3 |\n\n$$\nx = 1\n- 2\n$$\n\n\\[ e = mc^2 \\]\n\n> quote\n> more\n\nhttps://foo.org/bar, [x]\n\n[x]: https://example.com/y\n<script>alert(1)</script>\n";
  v.update(src, true);
  console.log(root.innerHTML.replace(/></g, ">\n<"));
  console.log(toPlainText(src));
});
