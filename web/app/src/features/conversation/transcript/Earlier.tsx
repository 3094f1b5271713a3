import { useRef, useState, type ReactNode, type RefObject } from "react";
import { useTranslation } from "react-i18next";
import { useChat, useServer } from "../../../shared/server.js";
import { Button } from "../../../shared/ui/Button.js";
import { useNear } from "./useNear.js";

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
  const load = (): void => {
    setFailed(false);
    chat.loadOlder().catch(() => setFailed(true));
  };
  useNear(root, mark, "above", [start, hasOlder, loading].join(), () => {
    if (!onNear() && hasOlder && !loading && !failed) load();
  });
  return (
    <div ref={mark} className="earlier">
      {failed ? <Button onClick={load}>{t("earlierFailed")}</Button> : loading && <span>{t("earlierLoading")}</span>}
    </div>
  );
}
