export type { MarkdownLabels, MarkdownOptions } from "./options.js";
export { toPlainText } from "./plain.js";
export { MarkdownView } from "./view.js";
