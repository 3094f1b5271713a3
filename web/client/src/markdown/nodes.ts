/** The tree between Markdown and the DOM. What has no name here cannot be drawn, whatever a text says. */
export type ElementTag =
  | "a" | "blockquote" | "br" | "code" | "del" | "div" | "em" | "h3" | "h4" | "h5" | "h6" | "hr" | "input" | "label" | "li"
  | "ol" | "p" | "strong" | "sup" | "table" | "tbody" | "td" | "th" | "thead" | "tr" | "ul";

export interface Attributes {
  readonly class?: "center" | "end" | "notes" | "plain" | "start" | "table" | "task";
  readonly dir?: "auto" | "ltr";
  /** An http, https or mailto address as URL writes it. */
  readonly href?: string;
  readonly title?: string;
  readonly start?: string;
  readonly type?: "checkbox";
  readonly checked?: "";
  readonly disabled?: "";
  readonly scope?: "col";
  // Not a region: those are landmarks, and several tables of one name would be several landmarks of one name.
  readonly role?: "group";
  readonly tabindex?: "0";
}

export interface ElementNode {
  readonly kind: "element";
  readonly tag: ElementTag;
  readonly attributes: Attributes;
  readonly children: readonly ViewNode[];
}

export interface CodeNode {
  readonly kind: "code";
  readonly language: string;
  readonly text: string;
  /** No further text can change it. */
  readonly finished: boolean;
}

export interface MathNode {
  readonly kind: "math";
  /** The formula with its delimiters: shown until it is typeset. */
  readonly source: string;
  readonly tex: string;
  readonly display: boolean;
  readonly finished: boolean;
}

export type ViewNode = string | ElementNode | CodeNode | MathNode;

const NONE: Attributes = {};

export function element(tag: ElementTag, children: readonly ViewNode[], attributes: Attributes = NONE): ElementNode {
  return { kind: "element", tag, attributes, children };
}

/** Adds a node; neighbouring texts become one, so that one text is one DOM node. */
export function push(list: ViewNode[], node: ViewNode): void {
  const last = list.at(-1);
  if (typeof node !== "string") list.push(node);
  else if (node === "") return;
  else if (typeof last === "string") list[list.length - 1] = last + node;
  else list.push(node);
}

/** Text that is shown as it is, line breaks included. */
export function plain(text: string): ElementNode {
  return element("p", [text], { class: "plain", dir: "auto" });
}
