import type { Links, TokenizerExtensionFunction, TokenizerThis, Tokens } from "marked";

/** A mark in the text, such as `[^1]`, of a note that is defined. */
export interface FootnoteToken {
  type: "footnote";
  raw: string;
  label: string;
}

const MARK = /^\[\^([^\]\s]{1,30})\]/;
// Its further lines are indented; what follows a blank line is a block of its own.
const DEFINITION = /^ {0,3}\[\^([^\]\s]{1,30})\]:[ \t]*([^\n]*(?:\n[ \t]+\S[^\n]*)*)(?:\n|$)/;

/** By this they are found among the definitions of links, which no link's label can be mistaken for. */
const tagOf = (label: string): string => `^${label.toLowerCase()}`;

/** The note that a text begins with, as the definition of a link that leads nowhere. A second one of its label is text. */
export function footnoteDefinition(src: string, known: Links): Tokens.Def | undefined {
  const [raw, label, note] = DEFINITION.exec(src) ?? [];
  if (raw === undefined || label === undefined || note === undefined || tagOf(label) in known) return undefined;
  return { type: "def", raw, tag: tagOf(label), href: label, title: note.replace(/\n[ \t]+/g, "\n") };
}

/** Whether it is a footnote's: its label is the `href`, its text the `title`. */
export const isFootnote = (token: Tokens.Def): boolean => token.tag.startsWith("^");

export const footnoteMark: TokenizerExtensionFunction = function (this: TokenizerThis, src): FootnoteToken | undefined {
  const [raw, label] = MARK.exec(src) ?? [];
  if (raw === undefined || label === undefined || !(tagOf(label) in this.lexer.tokens.links)) return undefined;
  return { type: "footnote", raw, label };
};
