import { MarkdownView, type MarkdownLabels } from "@antiphon/client/markdown";
import type { JSX } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import type { Texts } from "../language.js";

export const labelsOf = ({ copy, copied, code, table }: Texts): MarkdownLabels => ({ copy, copied, code, table });

/** Text of a bot. The view changes only what a growing reply changes, and makes nodes, never HTML. */
export function Markdown({ source, done, labels }: { source: string; done: boolean; labels: MarkdownLabels }): JSX.Element {
  const root = useRef<HTMLDivElement>(null);
  const view = useRef<MarkdownView | null>(null);
  useLayoutEffect(() => {
    if (root.current === null) return;
    const made = new MarkdownView(root.current, { labels });
    view.current = made;
    return () => made.destroy();
  }, []);
  useLayoutEffect(() => view.current?.update(source, done), [source, done]);
  useLayoutEffect(() => view.current?.relabel(labels), [labels]);
  return <div ref={root} class="text markdown" data-testid="message-text" dir="auto" />;
}
