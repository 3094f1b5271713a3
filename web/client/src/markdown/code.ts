import type { CodeNode } from "./nodes.js";
import type { MarkdownLabels } from "./options.js";

const SHOWN_FOR_MS = 2_000;

/** A code block in the page. */
export interface DrawnCode {
  readonly figure: HTMLElement;
  readonly code: HTMLElement;
  readonly text: Text;
  readonly language: HTMLElement;
}

function make(tag: string, className: string): HTMLElement {
  const made = document.createElement(tag);
  made.className = className;
  return made;
}

/** Without the clipboard's permission or a secure page, the text goes by way of a selection. */
function copyBySelection(text: string, beside: HTMLElement): boolean {
  const area = document.createElement("textarea");
  area.value = text;
  area.readOnly = true;
  area.className = "copying";
  beside.after(area);
  area.select();
  try {
    // eslint-disable-next-line @typescript-eslint/no-deprecated -- the only way on pages served by plain HTTP
    return document.execCommand("copy");
  } catch {
    return false;
  } finally {
    area.remove();
  }
}

async function copy(text: string, beside: HTMLElement): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text, beside);
  }
}

function copyButton(code: HTMLElement, status: HTMLElement, labels: () => MarkdownLabels): HTMLElement {
  const button = make("button", "copy");
  button.setAttribute("type", "button");
  button.textContent = labels().copy;
  let timer: ReturnType<typeof setTimeout> | undefined;
  button.addEventListener("click", () => {
    void copy(code.textContent, button).then((copied) => {
      if (!copied) return;
      button.focus();
      status.textContent = labels().copied;
      clearTimeout(timer);
      timer = setTimeout(() => status.replaceChildren(), SHOWN_FOR_MS);
    });
  });
  return button;
}

/** Draws a code block: its language, a button that copies it, and the code. */
export function drawCode(node: CodeNode, labels: () => MarkdownLabels): DrawnCode {
  const figure = make("figure", "code");
  const head = document.createElement("figcaption");
  const language = make("span", "language");
  const status = make("span", "copied");
  status.setAttribute("role", "status");
  const pre = document.createElement("pre");
  pre.setAttribute("dir", "ltr");
  pre.setAttribute("tabindex", "0");
  const code = document.createElement("code");
  const text = document.createTextNode(node.text);
  code.append(text);
  pre.append(code);
  head.append(language, status, copyButton(code, status, labels));
  figure.append(head, pre);
  const drawn = { figure, code, text, language };
  nameLanguage(drawn, node.language, labels());
  return drawn;
}

/** Shows a code block's language, and names it for highlighters. */
export function nameLanguage(drawn: DrawnCode, language: string, labels: MarkdownLabels): void {
  drawn.language.textContent = language || labels.code;
  if (language) drawn.code.className = `language-${language}`;
  else drawn.code.removeAttribute("class");
}
