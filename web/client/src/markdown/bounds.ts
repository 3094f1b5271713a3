/**
 * What the view does at most, so that no reply can hang a page. Past a bound, text is shown as it is.
 * Every bound counts characters or nodes, never time: the same text always gives the same nodes.
 */

/** Characters of a text read as Markdown; what follows is shown as plain text. */
export const MAX_SOURCE = 262_144;
/** Quotes and lists inside one another. */
export const MAX_BLOCK_DEPTH = 12;
/** Emphasis and links inside one another. */
export const MAX_INLINE_DEPTH = 16;
/** Characters of a run of inline text read at once; longer ones are cut at a line end or a space. */
export const MAX_PIECE = 4_096;
/** Columns of a table. */
export const MAX_COLUMNS = 64;
/** Cells of a table; short rows are filled up to the head's width, so a small text can ask for billions. */
export const MAX_CELLS = 20_000;
/** Blocks read in one text, those inside others included. */
export const MAX_BLOCKS = 20_000;
/** Elements made for one text. */
export const MAX_NODES = 50_000;
/** Characters handed to the block parser, counted again at each level of nesting and at each second reading. */
export const MAX_BLOCK_WORK = 4_000_000;
/**
 * Characters up to the next blank line, counted at each block: the block rules look ahead that far, so thousands of
 * blocks without a blank line between them would cost the square of their length.
 */
export const MAX_LOOK_AHEAD = 64_000_000;
/** Marks times characters of one inline piece, and of all of a text: what the worst emphasis and brackets cost. */
export const MAX_PIECE_WORK = 4_000_000;
export const MAX_INLINE_WORK = 64_000_000;
/** Characters of a formula. */
export const MAX_TEX = 8_192;
/** Characters of an address that may become a link. */
export const MAX_ADDRESS = 4_096;
/** Characters of a refused address that are shown. */
export const MAX_SHOWN_ADDRESS = 200;
/** Characters of new text that are drawn before `update` returns; more are drawn in slices. */
export const MAX_AT_ONCE = 4_096;
/** Blocks read before others may be let go. */
export const BLOCKS_A_STEP = 16;
/** Milliseconds an update may take before the next ones are spaced out, and by how many times its cost. */
export const EASY_COST = 4;
export const REST = 4;
