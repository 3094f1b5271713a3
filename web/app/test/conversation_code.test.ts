import { common, createLowlight } from "lowlight";
import { expect, test } from "vitest";
import { grouped, LINES_TOGETHER, nodeOf, runsOf, type Run } from "../src/features/conversation/rich/runs.js";

const PYTHON = 'def area(r: float) -> float:\n    """<b>of a circle</b>"""\n    return 3.14 * r**2  # about\n';
const joined = (runs: readonly Run[]): string => runs.map(([, text]) => text).join("");

test("The runs of a tree are its text, with the innermost class", () => {
  const runs = runsOf(createLowlight(common).highlight("python", PYTHON));
  expect(joined(runs)).toBe(PYTHON);
  expect(runs).toContainEqual(["hljs-keyword", "def"]);
  expect(runs).toContainEqual(["hljs-comment", "# about"]);
});

test("Neighbours of one class are one run", () => {
  const text = (value: string) => ({ type: "text" as const, value });
  expect(runsOf({ type: "root", children: [text("a"), text("b")] })).toEqual([["", "ab"]]);
});

test("Groups are of so many lines, and joined the same text", () => {
  const runs: Run[] = [["hljs-string", "one\n".repeat(LINES_TOGETHER * 2 + 5)], ["", "end"]];
  const groups = grouped(runs);
  expect(groups).toHaveLength(3);
  expect(groups[0]?.map(([, text]) => text).join("").split("\n")).toHaveLength(LINES_TOGETHER + 1);
  expect(joined(groups.flat())).toBe(joined(runs));
});

test("Elements have the text as text, whatever it looks like", () => {
  const node = nodeOf([["", "x = "], ["hljs-string", "<img src=x onerror=alert(1)>"]]);
  expect(node.textContent).toBe("x = <img src=x onerror=alert(1)>");
  expect(node.querySelector("img")).toBeNull();
  expect(node.querySelector(".hljs-string")?.textContent).toBe("<img src=x onerror=alert(1)>");
});
