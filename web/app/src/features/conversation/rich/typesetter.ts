import katex from "katex";
import "katex/dist/katex.min.css";

interface MathNode {
  attributes?: Record<string, string>;
  children?: readonly MathNode[];
  toNode(): Node;
}

/** KaTeX's own first half of `render`; its types do not name it. */
const { __renderToDomTree: treeOf } = katex as unknown as {
  __renderToDomTree: (tex: string, options: object) => MathNode;
};

/** The page's policy refuses style attributes and reports each; KaTeX sets some on MathML, which nobody sees. */
function withoutStyle(node: MathNode): MathNode {
  if (node.attributes !== undefined) delete node.attributes["style"];
  for (const child of node.children ?? []) withoutStyle(child);
  return node;
}

/** A formula as nodes, for the eye and for screen readers. Throws KaTeX's `ParseError` for what is none. */
export function formula(tex: string, display: boolean, limits: { maxExpand: number; maxSize: number }): Node {
  return withoutStyle(treeOf(tex, { ...limits, displayMode: display, output: "htmlAndMathml", trust: false, strict: "ignore", throwOnError: true })).toNode();
}
