/**
 * Markdown that is safe to show and may still be growing. Text becomes nodes by createElement and textContent alone:
 * no text is ever read as HTML, nothing is loaded, and no link has another scheme than http, https and mailto.
 *
 * What `MarkdownView` makes, for style sheets:
 * - `p`, `h3`…`h6` (the first heading is h3, each later one a level below the one it stands under), `ul`, `ol[start]`, `li`, `blockquote`, `hr`, `br`, `em`, `strong`,
 *   `del`, `code`; each top-level block has `dir="auto"`, and what nests in it inherits its direction
 * - `a[href][title]`: the title is the real host; an image is a link to it
 * - `li.task > label > input[type=checkbox][disabled]` (in a loose list with a `p` around the label)
 * - `figure.code > figcaption > (span.language, span.copied[role=status], button.copy)`, then `pre > code.language-…`;
 *   for an instant also a `textarea.copying`, where there is no clipboard to write to
 * - `div.table[role=group][tabindex=0] > table`, with `start`, `center` or `end` as class of aligned cells
 * - `span.math` and `span.math.display`: a formula, as its source until `onMath` has typeset it
 * - `p.plain`: text that is shown as it is, since it is past a bound (see bounds.ts)
 */
export type { MarkdownLabels, MarkdownOptions } from "./options.js";
export { toPlainText } from "./plain.js";
export { MarkdownView } from "./view.js";
