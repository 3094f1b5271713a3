import { drawCode, nameLanguage, type DrawnCode } from "./code.js";
import type { Attributes, CodeNode, ElementNode, ElementTag, MathNode, ViewNode } from "./nodes.js";
import type { MarkdownOptions } from "./options.js";
import type { Work } from "./slices.js";

interface DrawnText { readonly kind: "text"; node: string; readonly dom: Text }
interface DrawnElement { readonly kind: "element"; node: ElementNode; readonly dom: HTMLElement; readonly children: Drawn[] }
interface DrawnCodeBlock { readonly kind: "code"; node: CodeNode; readonly dom: HTMLElement; readonly parts: DrawnCode }
interface DrawnMath { readonly kind: "math"; node: MathNode; readonly dom: HTMLElement; readonly text: Text }
/**
 * A node and what stands for it in the page. Kept apart from the page's own tree, because translators and extensions
 * rearrange that: what they took away is then neither found nor needed.
 */
export type Drawn = DrawnText | DrawnElement | DrawnCodeBlock | DrawnMath;

const HOLDERS: ReadonlySet<ElementTag> = new Set(["blockquote", "div", "li", "ol", "table", "tbody", "ul"]);

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
  /** What the embedding page is to be told of what was drawn. */
  private finished: (() => void)[] = [];

  constructor(private readonly options: () => MarkdownOptions) {}

  /** Hands finished code and formulas over: once all is drawn, so that their colours do not hold up any text. */
  handOver(): void {
    const all = this.finished;
    this.finished = [];
    for (const tell of all) tell();
  }

  *children(parent: HTMLElement, drawn: Drawn[], nodes: readonly ViewNode[]): Work<void> {
    for (const [index, node] of nodes.entries()) {
      const old = drawn[index];
      if (old?.node === node || (old && (yield* this.change(old, node)))) continue;
      const made = this.begin(node);
      const place = (): void => (old ? old.dom.replaceWith(made.dom) : parent.append(made.dom));
      // What holds blocks is filled where it stands: laid out only when it is whole, it would be one long task.
      const inPlace = made.kind === "element" && HOLDERS.has(made.node.tag);
      if (inPlace) place();
      if (made.kind === "element") yield* this.fill(made);
      if (!inPlace) place();
      drawn[index] = made;
      yield;
    }
    for (const gone of drawn.splice(nodes.length)) gone.dom.remove();
  }

  /** What stands for a node; of an element, without its children. */
  private begin(node: ViewNode): Drawn {
    if (typeof node === "string") return { kind: "text", node, dom: document.createTextNode(node) };
    if (node.kind === "code") return this.drawCode(node);
    if (node.kind === "math") return this.drawMath(node);
    const dom = document.createElement(node.tag);
    setAttributes(dom, {}, node.attributes);
    if (node.attributes.role === "group") dom.setAttribute("aria-label", this.options().labels.table);
    return { kind: "element", node, dom, children: [] };
  }

  private *fill({ dom, node, children }: DrawnElement): Work<void> {
    yield* this.children(dom, children, node.children);
    if (dom instanceof HTMLAnchorElement) {
      dom.setAttribute("rel", "noopener noreferrer nofollow");
      dom.setAttribute("target", "_blank");
      this.options().onLink?.(dom);
    }
  }

  private drawCode(node: CodeNode): Drawn {
    const parts = drawCode(node, () => this.options().labels);
    if (node.finished) this.finishCode(parts.code, node);
    return { kind: "code", node, dom: parts.figure, parts };
  }

  private drawMath(node: MathNode): Drawn {
    const dom = document.createElement("span");
    dom.className = node.display ? "math display" : "math";
    dom.dir = "ltr";
    const text = document.createTextNode(node.source);
    dom.append(text);
    if (node.finished) this.finishMath(dom, node);
    return { kind: "math", node, dom, text };
  }

  private finishCode(code: HTMLElement, { language, text }: CodeNode): void {
    this.finished.push(() => this.options().onCode?.(code, language, text));
  }

  private finishMath(element: HTMLElement, { tex, display }: MathNode): void {
    this.finished.push(() => this.options().onMath?.(element, tex, display));
  }

  /** Whether the drawn node could be changed into the new one; else it has to be drawn anew. */
  private *change(drawn: Drawn, node: ViewNode): Work<boolean> {
    if (drawn.kind === "text") return typeof node === "string" && this.changeText(drawn, node);
    if (typeof node === "string") return false;
    if (drawn.kind === "code") return node.kind === "code" && this.changeCode(drawn, node);
    if (drawn.kind === "math") return node.kind === "math" && this.changeMath(drawn, node);
    return node.kind === "element" && (yield* this.changeElement(drawn, node));
  }

  private changeText(drawn: DrawnText, node: string): true {
    retext(drawn.dom, drawn.node, node);
    drawn.node = node;
    return true;
  }

  private *changeElement(drawn: DrawnElement, node: ElementNode): Work<boolean> {
    const before = drawn.node;
    // A link that leads elsewhere is another link: the embedding page was told of this one.
    if (before.tag !== node.tag || before.attributes.href !== node.attributes.href) return false;
    setAttributes(drawn.dom, before.attributes, node.attributes);
    if (before.children !== node.children) yield* this.children(drawn.dom, drawn.children, node.children);
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
      if (node.finished) this.finishCode(parts.code, node);
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
      if (node.finished) this.finishMath(drawn.dom, node);
    }
    drawn.node = before.finished ? { ...node, finished: true } : node;
    return true;
  }
}
