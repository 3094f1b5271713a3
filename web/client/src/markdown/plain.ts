import { MAX_SOURCE } from "./bounds.js";
import { InlineReader } from "./inline.js";
import { readBlocks } from "./lexer.js";
import type { ViewNode } from "./nodes.js";
import { atOnce } from "./slices.js";
import { buildTree, footnotes } from "./tree.js";

const LINES: ReadonlySet<string> = new Set(["blockquote", "br", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p", "table", "tr", "ul"]);
const CELLS: ReadonlySet<string> = new Set(["td", "th"]);

function spoken(node: ViewNode): string {
  if (typeof node === "string") return node;
  if (node.kind === "code") return "";
  if (node.kind === "math") return node.tex;
  // The mark of a footnote would be one more number in the sentence.
  if (node.tag === "sup") return "";
  const text = node.children.map(spoken).join("");
  if (CELLS.has(node.tag)) return `${text}, `;
  return LINES.has(node.tag) ? `\n${text.replace(/, $/, "")}\n` : text;
}

/**
 * A text as it is read aloud: without marks, addresses and code blocks, a line for each paragraph, item and row.
 */
export function toPlainText(source: string): string {
  const text = source.slice(0, MAX_SOURCE).replace(/\r\n?/g, "\n");
  const { made, rest } = atOnce(buildTree(atOnce(readBlocks(text, {}, false)), new InlineReader(), [], false));
  const nodes = [...made.flatMap((block) => block.nodes), ...rest, ...footnotes(made.flatMap((block) => block.notes))];
  return [...nodes.map(spoken), source.slice(MAX_SOURCE)].join("").replace(/\s*\n\s*/g, "\n").trim();
}
