import type { Links, Token, Tokens } from "marked";
import { MAX_SOURCE } from "./bounds.js";
import { withoutHalfMarks } from "./heal.js";
import { InlineReader } from "./inline.js";
import { readBlocks } from "./lexer.js";
import type { ViewNode } from "./nodes.js";
import type { Work } from "./slices.js";
import { buildTree, footnotes, type Made, type Outline, plainBlocks } from "./tree.js";

// The last block may grow; what it is can depend on the one before, as when a line turns out to underline it.
const HELD_BLOCKS = 2;

/** How many of the first tokens no further text can change. */
function settled(tokens: readonly Token[]): number {
  let held = 0;
  for (let index = tokens.length - 1; index > 0; index -= 1) {
    if (tokens[index]?.type !== "space") held += 1;
    if (held === HELD_BLOCKS) return index;
  }
  return 0;
}

// Without a prototype: a label may be `constructor`.
function noLinks(): Links {
  return Object.create(null) as Links;
}

function isDefinition(token: Token): token is Tokens.Def {
  return token.type === "def";
}

/** Reads a text that grows: what can no longer change is not read again. */
export class Stream {
  private readonly reader = new InlineReader();
  private source = "";
  /** The text up to here is in `stable`. */
  private end = 0;
  private stable: ViewNode[] = [];
  private notes: ViewNode[] = [];
  private outline: Outline = [];
  private links = noLinks();

  /**
   * The nodes of the whole text. When `done`, they depend on nothing but the text: one full reading decides,
   * since the definition of a link may come after its use.
   */
  *read(source: string, done: boolean): Work<readonly ViewNode[]> {
    const text = source.slice(0, MAX_SOURCE);
    const beyond = source.length > MAX_SOURCE ? plainBlocks(source.slice(MAX_SOURCE)) : [];
    if (done || !text.startsWith(this.source)) this.restart();
    this.source = done ? "" : text;
    const tail = yield* this.tail(text, done);
    return [...this.stable, ...tail, ...beyond];
  }

  private restart(): void {
    this.end = 0;
    this.stable = [];
    this.notes = [];
    this.outline = [];
    this.links = noLinks();
  }

  private *tail(text: string, done: boolean): Work<ViewNode[]> {
    const part = text.slice(this.end);
    const blocks = yield* readBlocks(done ? part : withoutHalfMarks(part), this.links, !done);
    const { made, rest } = yield* buildTree(blocks, this.reader, this.outline, !done);
    const fixed = done || rest.length > 0 ? 0 : settled(blocks.tokens);
    const loose: ViewNode[] = [];
    const notes: ViewNode[] = [];
    let settling = true;
    made.forEach((block, index) => {
      // A token whose source is not what stands in the text cannot tell where the next reading begins.
      settling &&= index < fixed && text.startsWith(block.token.raw, this.end);
      if (settling) this.settle(block);
      else {
        loose.push(...block.nodes);
        notes.push(...block.notes);
      }
    });
    return [...loose, ...rest, ...footnotes([...this.notes, ...notes])];
  }

  private settle({ token, nodes, notes, outline }: Made): void {
    this.end += token.raw.length;
    this.stable.push(...nodes);
    this.notes.push(...notes);
    this.outline = outline;
    if (isDefinition(token)) this.links[token.tag] ??= { href: token.href, title: token.title };
  }
}
