import type { TokenizerExtensionFunction, TokenizerStartFunction, TokenizerThis } from "marked";
import { MAX_TEX } from "./bounds.js";

export interface MathToken {
  type: "math";
  raw: string;
  tex: string;
  display: boolean;
  /** Its closing delimiter has not come yet. */
  open: boolean;
}

const CLOSING: Readonly<Record<string, string>> = { "$$": "$$", "\\[": "\\]", "\\(": "\\)" };
const BLANK_LINE = /\n[ \t]*\n/;
// `\[note\]` is also how brackets are kept from becoming a link.
const MATHS = /[=^_+<>\d\\]|^\s*\p{L}\s*$/u;
const INTERRUPTION = /\n(?:[ \t]*\n|(?= {0,3}(\$\$|\\\[)))/g;
// Openings without an end are each searched to the end.
const MAX_INTERRUPTIONS = 16;
const BLOCK_START = /^ {0,3}(\$\$|\\\[)/;

function math(raw: string, tex: string, display: boolean, open = false): MathToken {
  return { type: "math", raw, tex: tex.trim(), display, open };
}

/** The place of `closing`, with no blank line before it; -1: none. */
function endOf(src: string, from: number, closing: string): number {
  const end = src.slice(0, from + MAX_TEX).indexOf(closing, from);
  return end > from && !BLANK_LINE.test(src.slice(from, end)) ? end : -1;
}

/** `$…$` by Pandoc's rules: prices stay text. No backtick: that is a code span's. */
function dollars(src: string): MathToken | undefined {
  if (src.length < 3 || /\s/.test(src.charAt(1))) return undefined;
  for (let at = 1; at < src.length && at < MAX_TEX; at += 1) {
    const char = src[at];
    if (char === "\\") at += 1;
    else if (char === "`") return undefined;
    else if (char === "$") {
      const closes = at > 1 && !/\s/.test(src.charAt(at - 1)) && !/[\d$]/.test(src.charAt(at + 1));
      return closes ? math(src.slice(0, at + 1), src.slice(1, at), false) : undefined;
    }
  }
  return undefined;
}

/** The formula that `src` begins with. */
function formula(src: string): MathToken | undefined {
  const opening = src.slice(0, 2);
  const closing = CLOSING[opening];
  if (closing === undefined) return src.startsWith("$") ? dollars(src) : undefined;
  const end = endOf(src, 2, closing);
  if (end < 0) return undefined;
  const tex = src.slice(2, end);
  if (opening === "\\[" && !MATHS.test(tex)) return undefined;
  return tex.trim() === "" ? undefined : math(src.slice(0, end + 2), tex, opening !== "\\(");
}

export const inlineMath: TokenizerExtensionFunction = (src) => formula(src);

export const inlineMathStart: TokenizerStartFunction = (src) => src.indexOf("$");

/** A formula that has its lines to itself. While a reply grows, one that has not ended yet counts too. */
export const blockMath: TokenizerExtensionFunction = function (this: TokenizerThis & { lexer: { growing?: boolean } }, src) {
  return blockFormula(src, this.lexer.growing === true);
};

function blockFormula(src: string, growing: boolean): MathToken | undefined {
  const start = BLOCK_START.exec(src);
  if (!start) return undefined;
  const indent = start[0].length - 2;
  const found = formula(src.slice(indent));
  if (found) {
    const after = /^[ \t]*(?:\n|$)/.exec(src.slice(indent + found.raw.length));
    return after ? { ...found, raw: src.slice(0, indent) + found.raw + after[0] } : undefined;
  }
  const rest = src.slice(start[0].length);
  if (!growing || rest.length > MAX_TEX || !/^[ \t]*\n/.test(rest)) return undefined;
  return BLANK_LINE.test(rest) ? undefined : math(src, rest, true, true);
}

/** Where a formula interrupts a paragraph; looked for only as far as that paragraph can go. */
export const blockMathStart: TokenizerStartFunction = function (this: TokenizerThis & { lexer: { growing?: boolean } }, src) {
  INTERRUPTION.lastIndex = 0;
  for (let tries = 0; tries < MAX_INTERRUPTIONS; tries += 1) {
    const found = INTERRUPTION.exec(src);
    if (found?.[1] === undefined) return -1;
    if (blockFormula(src.slice(found.index + 1), this.lexer.growing === true)) return found.index + 1;
  }
  return -1;
};

/** Formulas blanked out, so that a `*` or `_` in one neither opens nor closes emphasis. */
export function maskMath(src: string): string {
  let masked = "";
  let kept = 0;
  for (let at = src.search(/[$\\]/); at >= 0 && at < src.length; at += 1) {
    const char = src[at];
    if (char !== "$" && char !== "\\") continue;
    const found = formula(src.slice(at, at + MAX_TEX));
    if (found) {
      masked += `${src.slice(kept, at)}[${"a".repeat(found.raw.length - 2)}]`;
      at += found.raw.length - 1;
      kept = at + 1;
    } else if (char === "\\") at += 1;
  }
  return masked + src.slice(kept);
}
