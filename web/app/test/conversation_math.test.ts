import { expect, test, vi } from "vitest";
import { MOST_CHARACTERS, typeset } from "../src/features/conversation/rich/math.js";
import { formula } from "../src/features/conversation/rich/typesetter.js";

const limits = { maxExpand: 100, maxSize: 20 };
const drawn = (tex: string) => {
  const box = document.createElement("div");
  box.append(formula(tex, false, limits));
  return box;
};

test("A formula is drawn for the eye and for screen readers", () => {
  const box = drawn("x^2");
  expect(box.querySelector(".katex-html")).not.toBeNull();
  expect(box.querySelector("math")).not.toBeNull();
});

test("A formula leads nowhere, loads nothing, and does not grow without end", () => {
  for (const tex of ["\\href{https://evil.example}{x}", "\\includegraphics{https://evil.example/a.png}", "\\htmlClass{x}{y}"]) {
    const box = drawn(tex);
    expect(box.querySelector("a, img, .x")).toBeNull();
  }
  expect(() => drawn("\\def\\a{\\a\\a}\\a")).toThrow();
  expect(() => drawn("\\frac{1")).toThrow();
});

test("No style attribute stands on MathML: the page's policy refuses them", () => {
  const box = drawn("\\fcolorbox{red}{blue}{x} \\pmb{y}");
  expect(box.querySelectorAll("math *").length).toBeGreaterThan(0);
  expect(box.querySelectorAll("math [style]")).toHaveLength(0);
});

async function typesetText(tex: string): Promise<HTMLElement> {
  const element = document.createElement("span");
  element.textContent = `$${tex}$`;
  document.body.append(element);
  typeset(element, tex, false);
  await vi.waitFor(() => expect(element.className).not.toBe(""));
  return element;
}

test("A formula in a text is typeset; one that is none stays as its source, with the reason", async () => {
  expect((await typesetText("a+b")).querySelector(".katex")).not.toBeNull();
  const wrong = await typesetText("\\frac{1");
  expect(wrong.textContent).toBe("$\\frac{1$");
  expect(wrong.className).toBe("math-error");
  expect(wrong.title).toContain("KaTeX");
});

test("A formula over the bound is left alone", async () => {
  const element = document.createElement("span");
  document.body.append(element);
  typeset(element, "x".repeat(MOST_CHARACTERS + 1), false);
  await typesetText("x");
  expect(element.className).toBe("");
});
