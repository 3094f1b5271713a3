import base from "./styles/base.css?inline";
import frame from "./styles/frame.css?inline";
import markdown from "./styles/markdown.css?inline";
import transcript from "./styles/transcript.css?inline";

let sheets: CSSStyleSheet[] | null = null;

/** The widget's style, shared by all its elements. Constructed sheets need no `style-src` in the page's policy. */
export function styleSheets(): readonly CSSStyleSheet[] {
  sheets ??= [base, frame, transcript, markdown].map((text) => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(text);
    return sheet;
  });
  return sheets;
}
