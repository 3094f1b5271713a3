import { describe, expect, test } from "vitest";
import { toPlainText } from "../src/markdown/index.js";
import { drawn, fresh } from "./markdown_helpers.js";

const html = (text: string): string => drawn(text).innerHTML;

describe("footnotes", () => {
  test("stand at the end, their marks above the line", () => {
    expect(html("Whole[^1][^b].\n\n[^1]: The *first*.\n[^b]: Second,\n  in two lines.\n\nAfter.\n")).toBe(
      '<p dir="auto">Whole<sup>1</sup><sup>b</sup>.</p><p dir="auto">After.</p>' +
        '<ul class="notes" dir="auto"><li><sup>1</sup> The <em>first</em>.</li><li><sup>b</sup> Second,\nin two lines.</li></ul>',
    );
  });

  test.each([
    ["a mark without a note is the text it is", "Matches [^a-z] and [^1].", "Matches [^a-z] and [^1]."],
    ["a second note of one label is not lost", "x[^1]\n\n[^1]: one\n\n[^1]: two\n", "x11: two1 one"],
    ["nor is one inside a list", "- x[^1]\n\n  [^1]: deep\n", "x11 deep"],
  ])("%s", (_, text, shown) => expect(drawn(text).textContent.replace(/\n/g, "")).toBe(shown));

  test("a note becomes one as soon as it begins, and grows", () => {
    const { root, view } = fresh();
    view.update("Whole[^1].\n\n[^1]: The fi", false);
    expect(root.querySelector(".notes")?.textContent).toBe("1 The fi");
    view.update("Whole[^1].\n\n[^1]: The first.\n\nMore[^1]", false);
    expect([root.querySelectorAll("sup").length, root.lastElementChild?.className]).toEqual([3, "notes"]);
  });

  test("are read aloud without their numbers", () => expect(toPlainText("Whole[^1].\n\n[^1]: Note.\n")).toBe("Whole.\nNote."));
});
