/** The tree that the highlighter makes: elements with classes, and text. */
export type Tree =
  | { type: "root" | "element"; properties?: { className?: unknown }; children: readonly Tree[] }
  | { type: "text"; value: string }
  | { type: "comment" | "doctype" };

/** A piece of code and the class it is drawn with; none for what is plain. */
export type Run = readonly [scope: string, text: string];

/** So many lines are laid out together: a change in a long block costs a layout of these only. */
export const LINES_TOGETHER = 40;

function classOf(tree: Tree): string {
  const names = tree.type === "element" ? tree.properties?.className : null;
  return Array.isArray(names) ? names.filter((name) => typeof name === "string").join(" ") : "";
}

/** The tree as a row of runs: less to hand from the worker to the page. The innermost class counts. */
export function runsOf(tree: Tree): Run[] {
  const runs: [string, string][] = [];
  const walk = (node: Tree, scope: string): void => {
    if (node.type === "text") {
      const last = runs.at(-1);
      if (last?.[0] === scope) last[1] += node.value;
      else runs.push([scope, node.value]);
    } else if ("children" in node) {
      const own = classOf(node) || scope;
      for (const child of node.children) walk(child, own);
    }
  };
  walk(tree, "");
  return runs;
}

/** Cut into groups of `LINES_TOGETHER` lines; all runs joined are the same text as before. */
export function grouped(runs: readonly Run[]): Run[][] {
  const groups: Run[][] = [[]];
  let lines = 0;
  for (const [scope, text] of runs) {
    let from = 0;
    for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n", end + 1)) {
      if (++lines % LINES_TOGETHER !== 0) continue;
      groups.at(-1)?.push([scope, text.slice(from, end + 1)]);
      groups.push([]);
      from = end + 1;
    }
    if (from < text.length) groups.at(-1)?.push([scope, text.slice(from)]);
  }
  return groups.filter((group) => group.length > 0);
}

/** A group as an element. Its text is only ever text. */
export function nodeOf(group: readonly Run[]): HTMLElement {
  const lines = document.createElement("span");
  lines.className = "lines";
  for (const [scope, text] of group) {
    if (scope === "") {
      lines.append(text);
      continue;
    }
    const span = document.createElement("span");
    span.className = scope;
    span.textContent = text;
    lines.append(span);
  }
  return lines;
}
