import { drawCode, nameLanguage, type DrawnCode } from "./code.js";
import type { Attributes, CodeNode, ElementNode, MathNode, ViewNode } from "./nodes.js";
import type { MarkdownOptions } from "./options.js";

interface DrawnText { readonly kind: "text"; node: string; readonly dom: Text }
interface DrawnElement { readonly kind: "element"; node: ElementNode; readonly dom: HTMLElement; readonly children: Drawn[] }
interface DrawnCodeBlock { readonly kind: "code"; node: CodeNode; readonly dom: HTMLElement; readonly parts: DrawnCode }
interface DrawnMath { readonly kind: "math"; node: MathNode; readonly dom: HTMLElement; readonly text: Text }
/**
 * A node and what stands for it in the page. Kept apart from the page's own tree, because translators and extensions
 * rearrange that: what they took away is then neither found nor needed.
 */
export type Drawn = DrawnText | DrawnElement | DrawnCodeBlock | DrawnMath;

/** Text that only became longer is appended to: a selection in it survives. */
function retext(dom: Text, before: string, after: string): void {
  if (before === after) return;
  if (after.startsWith(before)) dom.appendData(after.slice(before.length));
  else dom.data = after;
}

function setAttributes(dom: HTMLElement, before: Attributes, after: Attributes): void {
  if (before === after) return;
  for (const name of Object.keys(before)) if (!(name in after)) dom.removeAttribute(name);
  for (const [name, value] of Object.entries(after) as [string, string][]) {
    if (dom.getAttribute(name) !== value) dom.setAttribute(name, value);
  }
}

/** Draws nodes, and turns what is drawn into what should be with as few changes as can be told by position. */
export class Patcher {
  constructor(private readonly options: () => MarkdownOptions) {}

  children(parent: HTMLElement, drawn: Drawn[], nodes: readonly ViewNode[]): void {
    nodes.forEach((node, index) => {
      const old = drawn[index];
      if (old?.node === node) return;
      if (old && this.change(old, node)) return;
      const made = this.draw(node);
      if (old) old.dom.replaceWith(made.dom);
      else parent.append(made.dom);
      drawn[index] = made;
    });
    for (const gone of drawn.splice(nodes.length)) gone.dom.remove();
  }

  private draw(node: ViewNode): Drawn {
    if (typeof node === "string") return { kind: "text", node, dom: document.createTextNode(node) };
    if (node.kind === "code") return this.drawCode(node);
    if (node.kind === "math") return this.drawMath(node);
    const dom = document.createElement(node.tag);
    const drawn: DrawnElement = { kind: "element", node, dom, children: [] };
    setAttributes(dom, {}, node.attributes);
    if (node.attributes.role === "group") dom.setAttribute("aria-label", this.options().labels.table);
    this.children(dom, drawn.children, node.children);
    if (dom instanceof HTMLAnchorElement) {
      dom.setAttribute("rel", "noopener noreferrer nofollow");
      dom.setAttribute("target", "_blank");
      this.options().onLink?.(dom);
    }
    return drawn;
  }

  private drawCode(node: CodeNode): Drawn {
    const parts = drawCode(node, () => this.options().labels);
    if (node.finished) this.options().onCode?.(parts.code, node.language, node.text);
    return { kind: "code", node, dom: parts.figure, parts };
  }

  private drawMath(node: MathNode): Drawn {
    const dom = document.createElement("span");
    dom.className = node.display ? "math display" : "math";
    dom.dir = "ltr";
    const text = document.createTextNode(node.source);
    dom.append(text);
    if (node.finished) this.options().onMath?.(dom, node.tex, node.display);
    return { kind: "math", node, dom, text };
  }

  /** Whether the drawn node could be changed into the new one; else it has to be drawn anew. */
  private change(drawn: Drawn, node: ViewNode): boolean {
    if (drawn.kind === "text") return typeof node === "string" && this.changeText(drawn, node);
    if (typeof node === "string") return false;
    if (drawn.kind === "code") return node.kind === "code" && this.changeCode(drawn, node);
    if (drawn.kind === "math") return node.kind === "math" && this.changeMath(drawn, node);
    return node.kind === "element" && this.changeElement(drawn, node);
  }

  private changeText(drawn: DrawnText, node: string): true {
    retext(drawn.dom, drawn.node, node);
    drawn.node = node;
    return true;
  }

  private changeElement(drawn: DrawnElement, node: ElementNode): boolean {
    const before = drawn.node;
    // A link that leads elsewhere is another link: the embedding page was told of this one.
    if (before.tag !== node.tag || before.attributes.href !== node.attributes.href) return false;
    setAttributes(drawn.dom, before.attributes, node.attributes);
    if (before.children !== node.children) this.children(drawn.dom, drawn.children, node.children);
    drawn.node = node;
    return true;
  }

  private changeCode(drawn: DrawnCodeBlock, node: CodeNode): boolean {
    const before = drawn.node;
    const same = before.text === node.text && before.language === node.language;
    // Once finished it may be highlighted, and its text is no longer one node.
    if (before.finished && !same) return false;
    const { parts } = drawn;
    if (before.language !== node.language) nameLanguage(parts, node.language, this.options().labels);
    if (!before.finished) {
      retext(parts.text, before.text, node.text);
      if (node.finished) this.options().onCode?.(parts.code, node.language, node.text);
    }
    drawn.node = before.finished ? { ...node, finished: true } : node;
    return true;
  }

  private changeMath(drawn: DrawnMath, node: MathNode): boolean {
    const before = drawn.node;
    const same = before.source === node.source && before.display === node.display;
    if ((before.finished && !same) || before.display !== node.display) return false;
    if (!before.finished) {
      retext(drawn.text, before.source, node.source);
      if (node.finished) this.options().onMath?.(drawn.dom, node.tex, node.display);
    }
    drawn.node = before.finished ? { ...node, finished: true } : node;
    return true;
  }
}
