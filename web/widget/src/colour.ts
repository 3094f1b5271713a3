/** Red, green and blue, each 0 to 255. */
export type Rgb = readonly [number, number, number];

/** WCAG 2.2 AA for text. */
export const TEXT_CONTRAST = 4.5;

const BLACK: Rgb = [0, 0, 0];
const WHITE: Rgb = [255, 255, 255];
const STEPS = 40;

/** Reads an opaque colour as `getComputedStyle` writes it: `rgb(…)`, `rgba(…)` or `color(srgb …)`. */
export function parseComputed(text: string): Rgb | null {
  const match = /^(rgba?|color)\((?:srgb )?([^)]*)\)$/.exec(text.trim());
  if (match === null) return null;
  const [red, green, blue, alpha] = (match[2] ?? "").split(/[\s,/]+/).map(Number);
  if (red === undefined || green === undefined || blue === undefined) return null;
  if (![red, green, blue].every(Number.isFinite) || (alpha !== undefined && alpha !== 1)) return null;
  const scale = match[1] === "color" ? 255 : 1;
  const clamp = (value: number) => Math.min(255, Math.max(0, value * scale));
  return [clamp(red), clamp(green), clamp(blue)];
}

/** Relative luminance as WCAG defines it, 0 to 1. */
function luminance(colour: Rgb): number {
  const [red, green, blue] = colour.map((value) => {
    const part = value / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/** Contrast ratio, 1 to 21. */
export function contrast(one: Rgb, other: Rgb): number {
  const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b) as [number, number];
  return (high + 0.05) / (low + 0.05);
}

/** Black or white, whichever reads better on the ground: one of them always has at least 4.5. */
export function readableOn(ground: Rgb): Rgb {
  return contrast(BLACK, ground) > contrast(WHITE, ground) ? BLACK : WHITE;
}

/** The colour itself, or the nearest one on its way to black or white that reads on the ground. */
export function legible(colour: Rgb, ground: Rgb): Rgb {
  const goal = readableOn(ground);
  for (let step = 0; step < STEPS; step++) {
    const share = step / STEPS;
    const mixed = colour.map((value, at) => Math.round(value + ((goal[at] ?? 0) - value) * share)) as unknown as Rgb;
    if (contrast(mixed, ground) >= TEXT_CONTRAST) return mixed;
  }
  return goal;
}

/** The text to put on the accent: the one asked for where it can be read, else black or white. */
export function textOn(accent: Rgb, asked: Rgb | null): Rgb {
  return asked !== null && contrast(asked, accent) >= TEXT_CONTRAST ? asked : readableOn(accent);
}

export const toCss = (colour: Rgb): string => `rgb(${colour.map(Math.round).join(" ")})`;
