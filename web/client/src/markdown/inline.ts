import type { Token, Tokens } from "marked";
import { MAX_INLINE_DEPTH, MAX_INLINE_WORK, MAX_PIECE, MAX_PIECE_WORK } from "./bounds.js";
import { decode } from "./entities.js";
import type { FootnoteToken } from "./footnotes.js";
import { heal } from "./heal.js";
import type { Blocks } from "./lexer.js";
import { inOrder, shownAddress, targetOf } from "./links.js";
import type { MathToken } from "./math.js";
import { element, push, type ViewNode } from "./nodes.js";
import type { Work } from "./slices.js";

/** Inline nodes, and how many of them are elements. */
export interface Inline {
  readonly nodes: readonly ViewNode[];
  readonly size: number;
}

type InlineToken =
  | Tokens.Br | Tokens.Checkbox | Tokens.Codespan | Tokens.Del | Tokens.Em | Tokens.Escape | Tokens.Image | Tokens.Link | Tokens.Strong
  | Tokens.Text | MathToken | FootnoteToken;

const MARKS = /[*_~[\]()<`!\\$&:@]/g;
const LINE_BREAK = /^<br\s*\/?>/i;

/** Text cut so that each piece costs little to read, and a growing text only changes its last piece. */
export function pieces(text: string): string[] {
  const cut: string[] = [];
  let from = 0;
  while (text.length - from > MAX_PIECE) {
    const end = from + MAX_PIECE;
    let at = text.lastIndexOf("\n", end - 1) + 1;
    if (at <= from + MAX_PIECE / 2) at = text.lastIndexOf(" ", end - 1) + 1;
    if (at <= from + MAX_PIECE / 2) at = end - Number(/[\ud800-\udbff]/.test(text.charAt(end - 1)));
    cut.push(text.slice(from, at));
    from = at;
  }
  cut.push(text.slice(from));
  return cut;
}

/** Makes nodes of inline tokens. */
class InlineBuilder {
  size = 0;

  constructor(private readonly finished: boolean) {}

  nodes(tokens: readonly Token[], depth = 0, inLink = false): ViewNode[] {
    const list: ViewNode[] = [];
    for (const token of tokens) {
      if (depth > MAX_INLINE_DEPTH) push(list, token.raw);
      else for (const node of this.make(token as InlineToken, depth + 1, inLink)) push(list, node);
    }
    return list;
  }

  private make(token: InlineToken, depth: number, inLink: boolean): readonly ViewNode[] {
    this.size += 1;
    switch (token.type) {
      case "em":
      case "strong":
      case "del":
        return [element(token.type, this.nodes(token.tokens, depth, inLink))];
      case "codespan":
        return [element("code", [inOrder(token.text)], { dir: "ltr" })];
      case "br":
        return [element("br", [])];
      case "math":
        return [{ kind: "math", source: token.raw.trim(), tex: token.tex, display: token.display, finished: this.finished && !token.open }];
      case "link":
      case "image":
        return this.link(token, depth, inLink);
      case "footnote":
        return [element("sup", [inOrder(token.label)])];
      case "escape":
        return [token.text];
      case "text":
        return this.text(token.text, inLink);
      case "checkbox":
        return [];
    }
  }

  /** Text; the one tag that is drawn is `<br>`: in a table's cell nothing else can break a line. */
  private text(text: string, inLink: boolean): ViewNode[] {
    const list: ViewNode[] = [];
    let from = 0;
    const end = (to: number): void => push(list, inLink ? inOrder(decode(text.slice(from, to))) : decode(text.slice(from, to)));
    for (let at = text.indexOf("<"); at >= 0; at = text.indexOf("<", at + 1)) {
      const tag = LINE_BREAK.exec(text.slice(at, at + 16));
      if (!tag) continue;
      end(at);
      push(list, element("br", []));
      this.size += 1;
      from = at + tag[0].length;
    }
    end(text.length);
    return list;
  }

  /** A link, or an image as a link to it: nothing is ever loaded. */
  private link(token: Tokens.Link | Tokens.Image, depth: number, inLink: boolean): readonly ViewNode[] {
    const literal = token.type === "link" && token.autolink === true;
    const label = literal ? [inOrder(token.text)] : this.nodes(token.tokens, depth, true);
    const target = targetOf(token.href);
    if (inLink) return label;
    const shown = shownAddress(token.href);
    if (target) return [element("a", label.length > 0 ? label : [shown], { href: target.href, title: target.place })];
    if (label.length === 0) return [shown];
    const repeats = token.href === token.text || (token.type === "image" && /^\s*data:/i.test(token.href));
    return repeats ? label : [...label, ` (${shown})`];
  }
}

/** Reads inline text, remembering what it has read: of a growing text only the last lines are new. */
export class InlineReader {
  private known = new Map<string, Inline>();
  private used = new Map<string, Inline>();
  private work = 0;

  /** Begins a reading of a text; what the one before did not use is forgotten. */
  begin(): void {
    [this.known, this.used] = [this.used, new Map<string, Inline>()];
    this.work = 0;
  }

  *read(blocks: Blocks, source: string, open: boolean): Work<Inline> {
    const all = pieces(source);
    yield;
    if (all.length === 1) return this.piece(blocks, source, open);
    const nodes: ViewNode[] = [];
    let size = 0;
    for (const [index, piece] of all.entries()) {
      const part = this.piece(blocks, piece, open && index === all.length - 1);
      part.nodes.forEach((node) => push(nodes, node));
      size += part.size;
      yield;
    }
    return { nodes, size };
  }

  private piece(blocks: Blocks, source: string, open: boolean): Inline {
    const work = (source.match(MARKS)?.length ?? 0) * source.length;
    this.work += work;
    if (work > MAX_PIECE_WORK || this.work > MAX_INLINE_WORK) return { nodes: [source], size: 0 };
    // Definitions change what a text means, and only a few texts have any: those are read anew.
    const remembers = !open && Object.keys(blocks.links).length === 0;
    const known = remembers ? (this.used.get(source) ?? this.known.get(source)) : undefined;
    const inline = known ?? this.parse(blocks, open ? heal(source) : source, !open);
    if (remembers) this.used.set(source, inline);
    return inline;
  }

  private parse(blocks: Blocks, source: string, finished: boolean): Inline {
    const builder = new InlineBuilder(finished);
    const nodes = builder.nodes(blocks.inline(source));
    return { nodes, size: builder.size };
  }
}
