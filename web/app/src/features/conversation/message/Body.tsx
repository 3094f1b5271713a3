import { MarkdownView, type MarkdownLabels } from "@antiphon/client/markdown";
import { useEffect, useLayoutEffect, useMemo, useRef, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { useServer } from "../../../shared/server.js";
import { highlight } from "../rich/highlight.js";
import { typeset } from "../rich/math.js";
import { useWhole } from "../transcript/printing.js";
import { EachFrame } from "./frame.js";

function useLabels(): MarkdownLabels {
  const { t } = useTranslation("conversation");
  return useMemo(() => ({ copy: t("code.copy"), copied: t("copied"), code: t("code.name"), table: t("table") }), [t]);
}

/** The reply's Markdown, drawn as it comes. React never sees its text: only the view does. */
export function Body({ id, waiting }: { id: string; waiting: boolean }): ReactNode {
  const { chat } = useServer();
  const labels = useLabels();
  const root = useRef<HTMLDivElement>(null);
  const view = useRef<MarkdownView | null>(null);
  const first = useRef(labels);
  useLayoutEffect(() => {
    if (root.current === null) return;
    const own = new MarkdownView(root.current, { labels: first.current, onCode: highlight, onMath: typeset });
    view.current = own;
    return () => {
      own.destroy();
      view.current = null;
    };
  }, []);
  useEffect(() => {
    if (first.current === labels) return;
    first.current = labels;
    view.current?.relabel(labels);
  }, [labels]);
  useLayoutEffect(() => {
    const read = () => chat.store.getState().messages.get(id);
    const drawing = new EachFrame(() => {
      const message = read();
      if (message !== undefined) view.current?.update(message.content, message.status !== "waiting" && message.status !== "streaming");
    });
    drawing.now();
    const stop = chat.store.subscribe((now, before) => {
      const message = now.messages.get(id);
      const old = before.messages.get(id);
      if (message === old || message === undefined) return;
      // The end is drawn at once: who reads that it is complete finds it complete.
      if (message.status !== old?.status) drawing.now();
      else if (message.content !== old.content) drawing.want();
    });
    return () => {
      drawing.cancel();
      stop();
    };
  }, [chat, id]);
  const whole = useWhole();
  useLayoutEffect(() => {
    // What is drawn for printing alone comes too late to be told that the browser prints.
    if (whole) view.current?.flush();
  }, [whole]);
  return <div ref={root} className="md" data-testid="message-text" data-waiting={waiting || undefined} dir="auto" />;
}
