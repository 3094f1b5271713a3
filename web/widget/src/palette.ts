import { legible, parseComputed, textOn, toCss, type Rgb } from "./colour.js";

export type Theme = "light" | "dark";

/** What the accent makes of a theme: a ground, the text on it, and the accent where it is text on the panel. */
export interface Palette {
  fill: string;
  onFill: string;
  ink: string;
}

const DEFAULT_ACCENT: Record<Theme, Rgb> = { light: [160, 44, 37], dark: [229, 134, 115] };
/** The darkest (lightest) ground that accent-coloured text stands on: `--wash` of `base.css`. */
const GROUND: Record<Theme, Rgb> = { light: [243, 239, 230], dark: [45, 41, 36] };

/** Works out the colours; null for what is not given or is no opaque colour. */
export function paletteOf(theme: Theme, accent: Rgb | null, accentText: Rgb | null): Palette {
  const fill = accent ?? DEFAULT_ACCENT[theme];
  return { fill: toCss(fill), onFill: toCss(textOn(fill, accentText)), ink: toCss(legible(fill, GROUND[theme])) };
}

/** What the browser makes of a CSS colour (names, `oklch()`, the page's variables …) on the given element. */
export function resolveColour(probe: HTMLElement, colour: string | null): Rgb | null {
  if (colour === null) return null;
  for (const form of [`color-mix(in srgb, ${colour} 100%, ${colour})`, colour]) {
    probe.style.color = "";
    probe.style.color = form;
    if (probe.style.color === "") continue;
    const found = parseComputed(getComputedStyle(probe).color);
    if (found !== null) return found;
  }
  return null;
}

