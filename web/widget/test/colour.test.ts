import { describe, expect, it } from "vitest";
import { TEXT_CONTRAST, contrast, legible, parseComputed, readableOn, textOn, toCss, type Rgb } from "../src/colour.js";
import { paletteOf } from "../src/palette.js";

const BLACK: Rgb = [0, 0, 0];
const WHITE: Rgb = [255, 255, 255];
/** All colours of a grid: whatever holds for them holds for what a shop chooses. */
const GRID: Rgb[] = [0, 51, 102, 153, 204, 255].flatMap((red) => [0, 51, 102, 153, 204, 255].flatMap((green) => [0, 51, 102, 153, 204, 255].map((blue): Rgb => [red, green, blue])));

describe("parseComputed", () => {
  it.each([
    ["rgb(1, 2, 3)", [1, 2, 3]], ["rgba(1, 2, 3, 1)", [1, 2, 3]], ["rgb(1 2 3)", [1, 2, 3]],
    ["color(srgb 1 0.5 0)", [255, 127.5, 0]], ["color(srgb 1.2 -0.1 0)", [255, 0, 0]],
    ["rgba(1, 2, 3, 0.5)", null], ["color(srgb 0 0 0 / 0.2)", null], ["oklch(0.5 0.1 20)", null], ["", null], ["rgb(1, 2)", null],
  ])("reads %s", (text, colour) => {
    expect(parseComputed(text)).toEqual(colour);
  });
});

describe("contrast", () => {
  it("is what WCAG says", () => {
    expect(contrast(BLACK, WHITE)).toBe(21);
    expect(contrast(WHITE, BLACK)).toBe(21);
    expect(contrast([119, 119, 119], WHITE)).toBeCloseTo(4.48, 2);
    expect(contrast([255, 0, 0], WHITE)).toBeCloseTo(4, 1);
  });

  it("finds readable text for every ground", () => {
    for (const ground of GRID) expect(contrast(readableOn(ground), ground)).toBeGreaterThanOrEqual(TEXT_CONTRAST);
  });
});

describe("textOn", () => {
  it("takes the text that was asked for if it can be read", () => {
    expect(textOn([0, 60, 40], [255, 240, 200])).toEqual([255, 240, 200]);
    expect(textOn([255, 210, 63], WHITE)).toEqual(BLACK);
    expect(textOn([20, 20, 20], null)).toEqual(WHITE);
  });
});

describe("legible", () => {
  it("leaves alone what can be read, and changes the rest no more than needed", () => {
    expect(legible([100, 0, 0], WHITE)).toEqual([100, 0, 0]);
    const yellow = legible([255, 210, 63], WHITE);
    expect(contrast(yellow, WHITE)).toBeGreaterThanOrEqual(TEXT_CONTRAST);
    expect(contrast(yellow, WHITE)).toBeLessThan(5.2);
    expect(yellow[0]).toBeGreaterThan(yellow[2]);
  });
});

describe("paletteOf", () => {
  const read = (css: string): Rgb => parseComputed(css) ?? BLACK;
  const grounds: Record<"light" | "dark", Rgb[]> = { light: [[255, 254, 251], [243, 239, 230]], dark: [[33, 30, 26], [45, 41, 36]] };

  it.each(["light", "dark"] as const)("can be read with every accent when it is %s", (theme) => {
    for (const accent of [null, ...GRID]) {
      const { fill, onFill, ink } = paletteOf(theme, accent, WHITE);
      expect(contrast(read(onFill), read(fill))).toBeGreaterThanOrEqual(TEXT_CONTRAST);
      for (const ground of grounds[theme]) expect(contrast(read(ink), ground)).toBeGreaterThanOrEqual(TEXT_CONTRAST);
    }
  });

  it("writes whole numbers", () => {
    expect(toCss([1.4, 127.5, 254.6])).toBe("rgb(1 128 255)");
  });
});
