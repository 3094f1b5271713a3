/** The few words that the view itself shows or tells a screen reader. */
export interface MarkdownLabels {
  /** On the button that copies a code block. */
  copy: string;
  /** Announced after copying. */
  copied: string;
  /** Heads a code block that names no language. */
  code: string;
  /** Names the scrolling frame around a table. */
  table: string;
}

export interface MarkdownOptions {
  labels: MarkdownLabels;
  /**
   * A finished code block: `code` holds `text` and may be given other children (highlighting).
   * `language` is lower case, or empty.
   */
  onCode?(code: HTMLElement, language: string, text: string): void;
  /** A formula in a finished block: `element` holds its source and may be given other children. */
  onMath?(element: HTMLElement, tex: string, display: boolean): void;
  /** Each new link, before it is shown: for a listener or an attribute of the embedding page. */
  onLink?(link: HTMLAnchorElement): void;
}
