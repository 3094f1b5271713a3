import { Lexer, Tokenizer, type Hooks, type Links, type Token, type Tokens, type TokensList } from "marked";
import { BLOCKS_A_STEP, MAX_BLOCK_DEPTH, MAX_BLOCK_WORK, MAX_BLOCKS, MAX_CELLS, MAX_COLUMNS, MAX_INLINE_DEPTH, MAX_LOOK_AHEAD } from "./bounds.js";
import { footnoteDefinition, footnoteMark } from "./footnotes.js";
import { blockMath, blockMathStart, inlineMath, inlineMathStart, maskMath } from "./math.js";
import type { Work } from "./slices.js";

const TABLE_HEAD = /^([^\n]+)\n([ \t|:-]+)(?:\n|$)/;
const FOOTNOTE = /^ {0,3}\[\^/;
const BLANK_LINE = /\n[ \t]*(?:\n|$)/g;

/** Cells of a table's row; a border pipe at either end is none. */
function cellsIn(row: string): number {
  return row.trim().replace(/^\|/, "").replace(/(^|[^\\])\|$/, "$1").replace(/\\\|/g, "").split("|").length;
}

/** GFM without HTML: a tag is the text it is. */
class TextTokenizer extends Tokenizer {
  override html(): undefined {
    return undefined;
  }

  override tag(): undefined {
    return undefined;
  }

  /** How many quotes and lists are around what is being read. */
  depth = 0;

  override blockquote(src: string): Tokens.Blockquote | undefined {
    return this.nested(() => super.blockquote(src));
  }

  override list(src: string): Tokens.List | undefined {
    return this.nested(() => super.list(src));
  }

  private nested<T>(read: () => T): T {
    this.depth += 1;
    try {
      return read();
    } finally {
      this.depth -= 1;
    }
  }

  override def(src: string): Tokens.Def | undefined {
    return FOOTNOTE.test(src) ? footnoteDefinition(src, this.lexer.tokens.links) : super.def(src);
  }

  override table(src: string): Tokens.Table | undefined {
    const [whole, head, delimiters] = TABLE_HEAD.exec(src) ?? [];
    if (whole === undefined || head === undefined || delimiters === undefined || !/[|:]/.test(delimiters)) return undefined;
    const columns = cellsIn(head);
    if (columns > MAX_COLUMNS || columns !== cellsIn(delimiters)) return undefined;
    let end = whole.length;
    for (let row = Math.floor(MAX_CELLS / columns); row > 0 && end > 0; row -= 1) end = src.indexOf("\n", end) + 1;
    return super.table(end > 0 ? src.slice(0, end) : src);
  }
}

// eslint-disable-next-line @typescript-eslint/no-unsafe-class-instance-assignment -- the one hook that a lexer asks: the class would bring marked's HTML renderer into the widget.
const mathHooks = { emStrongMask: (src: string) => (/[$\\]/.test(src) ? maskMath(src) : src) } as Hooks;

/** Thrown to leave the lexer's loop between two top-level blocks, with so many characters left. */
class Pause extends Error {
  constructor(readonly left: number) {
    super();
  }
}

class BoundedLexer extends Lexer {
  /** The text may go on: a formula that has not ended is one nevertheless. */
  readonly growing: boolean;
  private readonly grammar: TextTokenizer;
  private inlineDepth = 0;
  private work = 0;
  private lookAhead = 0;
  private blocks = 0;
  private steps = 0;

  constructor(growing: boolean) {
    const grammar = new TextTokenizer();
    super({
      gfm: true,
      tokenizer: grammar,
      hooks: mathHooks,
      extensions: {
        renderers: {},
        childTokens: {},
        block: [
          (src) => this.look(src),
          blockMath,
        ],
        startBlock: [blockMathStart],
        inline: [inlineMath, footnoteMark],
        startInline: [inlineMathStart],
      },
    });
    this.growing = growing;
    this.grammar = grammar;
  }

  /** Reads the blocks of a whole text into `tokens`. */
  *read(text: string): Work<void> {
    this.work = text.length;
    let left = text.length;
    while (left >= 0) {
      left = this.readUntilPause(text.slice(text.length - left), left < text.length);
      yield;
    }
  }

  /** How many characters are left; -1: the text has been read. */
  private readUntilPause(src: string, resumed: boolean): number {
    try {
      // A paragraph goes on in the one before it, as it would have without the pause.
      this.blockTokens(src, this.tokens, resumed);
      return -1;
    } catch (error) {
      if (error instanceof Pause) return error.left;
      throw error;
    }
  }

  override blockTokens(src: string, tokens?: Token[], lastParagraphClipped?: boolean): Token[];
  override blockTokens(src: string, tokens?: TokensList, lastParagraphClipped?: boolean): TokensList;
  override blockTokens(src: string, tokens: Token[] = [], lastParagraphClipped = false): Token[] {
    if (tokens !== this.tokens) this.work += src.length;
    // A quote inside quotes may be read twice at each level: 2^depth times the text.
    if (this.work > MAX_BLOCK_WORK) throw new RangeError("The text is nested too deeply to be read as Markdown.");
    if (this.grammar.depth < MAX_BLOCK_DEPTH) return super.blockTokens(src, tokens, lastParagraphClipped);
    if (src) tokens.push({ type: "paragraph", raw: src, text: src, tokens: this.inline(src) });
    this.state.top = true;
    return tokens;
  }

  /** Called at each block: reads nothing, but counts. */
  private look(src: string): undefined {
    if (this.grammar.depth === 0) {
      this.steps = (this.steps + 1) % BLOCKS_A_STEP;
      if (this.steps === 0) throw new Pause(src.length);
    }
    BLANK_LINE.lastIndex = 0;
    this.lookAhead += BLANK_LINE.exec(src)?.index ?? src.length;
    this.blocks += 1;
    if (this.blocks > MAX_BLOCKS || this.lookAhead > MAX_LOOK_AHEAD) throw new RangeError("The text has too many blocks to be read as Markdown.");
  }

  override inlineTokens(src: string, tokens: Token[] = []): Token[] {
    if (this.inlineDepth >= MAX_INLINE_DEPTH) {
      tokens.push({ type: "text", raw: src, text: src });
      return tokens;
    }
    this.inlineDepth += 1;
    try {
      return super.inlineTokens(src, tokens);
    } finally {
      this.inlineDepth -= 1;
    }
  }
}

/** Blocks of a text; the inline text in them is not read yet. */
export interface Blocks {
  readonly tokens: readonly Token[];
  /** What could not be read: plain text. */
  readonly rest: string;
  readonly links: Links;
  /** The inline source of a block, by its empty list of inline tokens. */
  source(tokens: Token[]): string;
  /** Reads inline text with this text's link definitions. */
  inline(source: string): Token[];
}

/**
 * Reads blocks. `links` are definitions known already; `growing` says that more text may come.
 */
export function* readBlocks(text: string, links: Links, growing: boolean): Work<Blocks> {
  const lexer = new BoundedLexer(growing);
  Object.assign(lexer.tokens.links, links);
  let tokens: Token[] = lexer.tokens;
  let rest = "";
  try {
    yield* lexer.read(text);
  } catch {
    [tokens, rest] = asFarAsRead(text, tokens);
  }
  const sources = new Map(lexer.inlineQueue.map((entry) => [entry.tokens, entry.src]));
  return {
    tokens,
    rest,
    links: lexer.tokens.links,
    source: (of) => sources.get(of) ?? "",
    inline: (source) => lexer.inlineTokens(source),
  };
}

/** The tokens that stand in the text one after the other, and the text after them: none of it may be lost. */
function asFarAsRead(text: string, tokens: readonly Token[]): [Token[], string] {
  let end = 0;
  const differs = tokens.findIndex((token) => {
    if (!text.startsWith(token.raw, end)) return true;
    end += token.raw.length;
    return false;
  });
  return [tokens.slice(0, differs < 0 ? undefined : differs), text.slice(end)];
}
