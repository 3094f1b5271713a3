import type { Token, Tokens } from "marked";
import { MAX_NODES } from "./bounds.js";
import { decode } from "./entities.js";
import { isFootnote } from "./footnotes.js";
import { pieces, type Inline, type InlineReader } from "./inline.js";
import type { Blocks } from "./lexer.js";
import { inOrder } from "./links.js";
import type { MathToken } from "./math.js";
import { element, plain, push, type Attributes, type ElementTag, type ViewNode } from "./nodes.js";
import type { Work } from "./slices.js";

const LANGUAGE = /^[a-z\d][a-z\d+#._-]{0,29}$/;
const HEADINGS = ["h3", "h4", "h5", "h6"] as const;
const ALIGNMENTS = { left: "start", center: "center", right: "end" } as const;
// What nests inherits its direction: `dir` on a child would hide its text from the `auto` of its parent.
const TOP: Attributes = { dir: "auto" };

type BlockToken =
  | Tokens.Blockquote | Tokens.Checkbox | Tokens.Code | Tokens.Def | Tokens.Heading | Tokens.Hr | Tokens.List | Tokens.Paragraph
  | Tokens.Space | Tokens.Table | Tokens.Text | MathToken;

/** Text shown as it is, in paragraphs short enough to be drawn quickly. */
export function plainBlocks(text: string): ViewNode[] {
  return pieces(text).filter((piece) => piece.trim() !== "").map(plain);
}

/** The name of a code block's language, if it is one that may become a class. */
function languageOf(info: string | undefined): string {
  const name = decode(info ?? "").trim().split(/\s/, 1)[0]?.toLowerCase() ?? "";
  return LANGUAGE.test(name) ? name : "";
}

/** The levels, as written, of the headings under which a place in a text stands, outermost first. */
export type Outline = readonly number[];

/** A top-level block: its nodes, the footnotes in it, and the outline after it. */
export interface Made {
  readonly token: Token;
  readonly nodes: readonly ViewNode[];
  readonly notes: readonly ViewNode[];
  readonly outline: Outline;
}

/** The nodes of a text, by block; and those of what is past the bounds. */
export interface Tree {
  readonly made: readonly Made[];
  readonly rest: readonly ViewNode[];
}

/** The footnotes of a text, to stand at its end. */
export function footnotes(notes: readonly ViewNode[]): ViewNode[] {
  return notes.length > 0 ? [element("ul", notes, { class: "notes", ...TOP })] : [];
}

/** Makes nodes of a text. `outline`: of what stands before it; `growing`: more text may still belong to its last block. */
export function* buildTree(blocks: Blocks, reader: InlineReader, outline: Outline, growing: boolean): Work<Tree> {
  const builder = new TreeBuilder(blocks, reader, outline);
  const { tokens } = blocks;
  const made: Made[] = [];
  reader.begin();
  for (const [index, token] of tokens.entries()) {
    if (builder.isFull) break;
    const nodes = yield* builder.block(token, growing && index === tokens.length - 1);
    made.push({ token, nodes, notes: builder.notes.splice(0), outline: builder.outline });
  }
  const left = tokens.slice(made.length).map(({ raw }) => raw).join("");
  return { made, rest: plainBlocks(left + blocks.rest) };
}

/** Makes nodes of block tokens, as many as one text may have. */
class TreeBuilder {
  /** The footnotes of what was made, as items of a list. */
  readonly notes: ViewNode[] = [];
  private size = 0;

  constructor(private readonly blocks: Blocks, private readonly reader: InlineReader, public outline: Outline) {}

  get isFull(): boolean {
    return this.size > MAX_NODES;
  }

  /** The nodes of a top-level block. */
  block(token: Token, open: boolean): Work<readonly ViewNode[]> {
    return this.make(token as BlockToken, TOP, open);
  }

  private *make(token: BlockToken, attributes: Attributes, open: boolean): Work<readonly ViewNode[]> {
    this.size += 1;
    switch (token.type) {
      case "paragraph":
        return [element("p", yield* this.inline(token.tokens, open), attributes)];
      case "text":
        return yield* this.inline(token.tokens ?? [], open);
      case "heading":
        return [element(this.heading(token.depth), yield* this.inline(token.tokens, open), attributes)];
      case "code":
        return [{ kind: "code", language: languageOf(token.lang), text: inOrder(token.text), finished: !open }];
      case "math":
        return [this.math(token, attributes, open)];
      case "blockquote":
        return [element("blockquote", yield* this.nested(token.tokens, open), attributes)];
      case "list":
        return [yield* this.list(token, attributes, open)];
      case "table":
        return [yield* this.table(token, attributes, open)];
      case "hr":
        return [element("hr", [])];
      case "def":
        if (isFootnote(token)) this.notes.push(yield* this.note(token, open));
        return [];
      case "space":
      case "checkbox":
        return [];
    }
  }

  /** The tag of a heading: one level below the heading under which it stands, however many levels are left out as written. */
  private heading(level: number): ElementTag {
    const above = this.outline.filter((other) => other < level);
    this.outline = [...above, level];
    return HEADINGS[above.length] ?? "h6";
  }

  private *nested(tokens: readonly Token[], open: boolean): Work<ViewNode[]> {
    const list: ViewNode[] = [];
    for (const [index, token] of tokens.entries()) {
      if (this.isFull) push(list, token.raw);
      else for (const node of yield* this.make(token as BlockToken, {}, open && index === tokens.length - 1)) push(list, node);
    }
    return list;
  }

  private *inline(tokens: Token[], open: boolean): Work<readonly ViewNode[]> {
    const source = this.blocks.source(tokens);
    const inline: Inline = yield* this.reader.read(this.blocks, source, open);
    this.size += inline.size;
    return this.isFull ? [source] : inline.nodes;
  }

  private *note({ href, title }: Tokens.Def, open: boolean): Work<ViewNode> {
    const { nodes, size } = yield* this.reader.read(this.blocks, title, open);
    this.size += size + 2;
    return element("li", [element("sup", [inOrder(href)]), " ", ...(this.isFull ? [title] : nodes)]);
  }

  private math(token: MathToken, attributes: Attributes, open: boolean): ViewNode {
    const source = token.raw.trim();
    return element("p", [{ kind: "math", source, tex: token.tex, display: true, finished: !open && !token.open }], attributes);
  }

  private *list(token: Tokens.List, attributes: Attributes, open: boolean): Work<ViewNode> {
    const items: ViewNode[] = [];
    for (const [index, item] of token.items.entries()) {
      if (this.isFull) {
        items.push(element("li", [token.items.slice(index).map(({ raw }) => raw).join("")]));
        break;
      }
      items.push(yield* this.item(item, open && index === token.items.length - 1));
    }
    const start = token.ordered && token.start !== 1 ? { start: String(token.start) } : {};
    return element(token.ordered ? "ol" : "ul", items, { ...attributes, ...start });
  }

  private *item(item: Tokens.ListItem, open: boolean): Work<ViewNode> {
    this.size += 1;
    const children = yield* this.nested(item.tokens, open);
    if (!item.task) return element("li", children);
    const box = element("input", [], { type: "checkbox", disabled: "", ...(item.checked ? { checked: "" } : {}) });
    return element("li", labelled(box, children), { class: "task" });
  }

  private *table(token: Tokens.Table, attributes: Attributes, open: boolean): Work<ViewNode> {
    const parts = [element("thead", [yield* this.row("th", token.header, false)])];
    const rows: ViewNode[] = [];
    for (const [index, cells] of token.rows.entries()) rows.push(yield* this.row("td", cells, open && index === token.rows.length - 1));
    if (rows.length > 0) parts.push(element("tbody", rows));
    // On the box, not on the table: one read from right to left also stands at the right, and is scrolled from there.
    return element("div", [element("table", parts)], { ...attributes, class: "table", role: "group", tabindex: "0" });
  }

  private *row(tag: "td" | "th", cells: Tokens.TableCell[], last: boolean): Work<ViewNode> {
    this.size += 1;
    const made: ViewNode[] = [];
    for (const [index, cell] of cells.entries()) {
      this.size += 1;
      const aligned: Attributes = cell.align ? { class: ALIGNMENTS[cell.align] } : {};
      const children = yield* this.inline(cell.tokens, last && index === cells.length - 1);
      made.push(element(tag, children, tag === "th" ? { ...aligned, scope: "col" } : aligned));
    }
    return element("tr", made);
  }
}

/** A task: its box and its first line are one label. */
function labelled(box: ViewNode, children: ViewNode[]): ViewNode[] {
  const first = children[0];
  if (typeof first === "object" && first.kind === "element" && first.tag === "p") {
    return [element("p", [element("label", [box, " ", ...first.children])]), ...children.slice(1)];
  }
  const isBlock = (node: ViewNode): boolean => typeof node === "object" && (node.kind === "code" || (node.kind === "element" && BLOCKS.has(node.tag)));
  const end = children.findIndex(isBlock);
  const line = end < 0 ? children : children.slice(0, end);
  return [element("label", [box, " ", ...line]), ...(end < 0 ? [] : children.slice(end))];
}

const BLOCKS: ReadonlySet<ElementTag> = new Set(["blockquote", "div", "h3", "h4", "h5", "h6", "hr", "ol", "p", "table", "ul"]);
