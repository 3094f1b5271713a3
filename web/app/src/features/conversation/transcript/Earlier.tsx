import { useEffect, useRef, useState, type ReactNode, type RefObject } from "react";
import { useTranslation } from "react-i18next";
import { useChat, useServer } from "../../../shared/server.js";
import { Button } from "../../../shared/ui/Button.js";

interface EarlierProps {
  root: RefObject<HTMLElement | null>;
  /** Where the drawing begins: when it changes it is looked anew whether the reader is near. */
  start: number;
  /** The reader is near the first message: draw more of those known. False: there are none. */
  onNear: () => boolean;
}

/** What stands before the first message drawn: it brings earlier ones before the reader gets there. */
export function Earlier({ root, start, onNear }: EarlierProps): ReactNode {
  const { t } = useTranslation("conversation");
  const { chat } = useServer();
  const hasOlder = useChat((state) => state.hasOlder);
  const loading = useChat((state) => state.loadingOlder);
  const [failed, setFailed] = useState(false);
  const mark = useRef<HTMLDivElement>(null);
  const latest = useRef(onNear);
  useEffect(() => {
    latest.current = onNear;
  });
  const load = (): void => {
    setFailed(false);
    chat.loadOlder().catch(() => setFailed(true));
  };
  useEffect(() => {
    if (mark.current === null || loading || failed) return;
    const observer = new IntersectionObserver(
      ([entry]) => {
        if (entry?.isIntersecting === true && !latest.current() && hasOlder) chat.loadOlder().catch(() => setFailed(true));
      },
      { root: root.current, rootMargin: "150% 0px 0px 0px" },
    );
    observer.observe(mark.current);
    return () => observer.disconnect();
  }, [chat, root, start, hasOlder, loading, failed]);
  return (
    <div ref={mark} className="earlier">
      {failed ? <Button onClick={load}>{t("earlierFailed")}</Button> : loading && <span>{t("earlierLoading")}</span>}
    </div>
  );
}
