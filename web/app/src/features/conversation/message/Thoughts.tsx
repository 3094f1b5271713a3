import { useLayoutEffect, useRef, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { useServer } from "../../../shared/server.js";
import { EachFrame } from "./frame.js";

/** What the model thought aloud: open while there is nothing else, then out of the way, as the reader likes. */
export function Thoughts({ id, thinking }: { id: string; thinking: boolean }): ReactNode {
  const { t } = useTranslation("conversation");
  const { chat } = useServer();
  const [chosen, setChosen] = useState<boolean | null>(null);
  const box = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const node = box.current;
    if (node === null) return;
    const text = document.createTextNode("");
    node.replaceChildren(text);
    const drawing = new EachFrame(() => {
      const now = chat.store.getState().messages.get(id)?.reasoning ?? "";
      const atEnd = node.scrollHeight - node.scrollTop - node.clientHeight < 24;
      // Only what is new, so that a selection in what is there stays.
      if (now.startsWith(text.data)) text.appendData(now.slice(text.data.length));
      else text.data = now;
      if (atEnd) node.scrollTop = node.scrollHeight;
    });
    drawing.now();
    const stop = chat.store.subscribe((now, before) => {
      if (now.messages.get(id)?.reasoning !== before.messages.get(id)?.reasoning) drawing.want();
    });
    return () => {
      drawing.cancel();
      stop();
    };
  }, [chat, id]);
  const open = chosen ?? thinking;
  return (
    <details className="thoughts" open={open}>
      <summary
        onClick={(event) => {
          event.preventDefault();
          setChosen(!open);
        }}
      >
        {thinking ? t("thinking") : t("thoughts")}
      </summary>
      <div ref={box} tabIndex={0} role="region" aria-label={t("thoughts")} dir="auto" />
    </details>
  );
}
