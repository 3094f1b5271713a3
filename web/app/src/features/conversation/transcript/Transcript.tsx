import { MessageSeparator } from "@chatscope/chat-ui-kit-react";
import { Fragment, useEffect, useEffectEvent, useLayoutEffect, useMemo, useRef, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { useChat, useServer } from "../../../shared/server.js";
import { Row } from "../message/Row.js";
import { useNow } from "../message/Time.js";
import { beginsDay, dayName } from "./days.js";
import { Earlier } from "./Earlier.js";
import { Follower } from "./follower.js";
import { moveByKey } from "./moving.js";
import { ToLatest } from "./ToLatest.js";
import { earlier, startOf, trimmed } from "./window.js";

interface Shown {
  /** The ids on the branch, from the first that is drawn on. */
  ids: readonly string[];
  keys: readonly string[];
  start: number;
  /** Draw so many more that are known; false if all are drawn. */
  more: () => boolean;
  /** Draw only what a reader at the end may see. */
  trim: () => void;
}

/** Which of the messages are drawn. */
function useShown(): Shown {
  const { chat } = useServer();
  const path = useChat((state) => state.path);
  const keys = useMemo(() => {
    const { messages } = chat.store.getState();
    return path.map((id) => messages.get(id)?.key ?? id);
  }, [chat, path]);
  const [first, setFirst] = useState<string | null>(null);
  const start = startOf(keys, first);
  // Held by name, so that it stays the same message whatever is added before or after it.
  const held = keys[start] ?? null;
  if (held !== first) setFirst(held);
  return {
    ids: path.slice(start),
    keys: keys.slice(start),
    start,
    more() {
      if (start > 0) setFirst(earlier(keys, start));
      return start > 0;
    },
    trim: () => setFirst(trimmed(keys, start)),
  };
}

/** The day that begins with a message, if one does. */
function useDays(): (at: number) => string | null {
  const { i18n } = useTranslation();
  const { chat } = useServer();
  const now = useNow();
  return (at) => {
    const { path, messages } = chat.store.getState();
    const time = messages.get(path[at] ?? "")?.createdAt;
    const before = at === 0 ? null : (messages.get(path[at - 1] ?? "")?.createdAt ?? null);
    return time !== undefined && beginsDay(time, before, now) ? dayName(time, i18n.language, now) : null;
  };
}

/**
 * The messages. In the kit's place for its list stands our own: the kit's swaps the browser's scrolling for a script's
 * (`touch-action: none`, no momentum, bars that no screen reader knows), moves the view on each React update and not
 * when a reply grows beside React, and draws all messages.
 */
export function Transcript(): ReactNode {
  const { t } = useTranslation("conversation");
  const scroller = useRef<HTMLDivElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const follower = useRef<Follower | null>(null);
  const [pinned, setPinned] = useState(true);
  const shown = useShown();
  const dayAt = useDays();
  const { ids, keys, start } = shown;
  const newest = keys.at(-1);
  useEffect(() => {
    if (scroller.current === null || content.current === null) return;
    const own = new Follower(scroller.current, content.current, setPinned);
    follower.current = own;
    own.toEnd();
    return () => own.destroy();
  }, []);
  useLayoutEffect(() => follower.current?.keep(), [ids]);
  useLayoutEffect(() => {
    // What the reader sends is looked at; what comes from elsewhere does not move who reads above.
    if (newest?.startsWith("local-")) follower.current?.toEnd();
  }, [newest]);
  const trim = useEffectEvent(shown.trim);
  useLayoutEffect(() => {
    if (pinned) trim();
  }, [newest, pinned]);
  return (
    <div className="transcript-place">
      <div ref={scroller} className="scroller" data-testid="transcript" role="log" aria-live="off" aria-label={t("transcript")} tabIndex={0} onKeyDown={(event) => moveByKey(event, follower.current)}>
        <Earlier root={scroller} start={start} onNear={shown.more} />
        <div ref={content} className="column">
          {ids.map((id, at) => {
            const day = dayAt(start + at);
            return (
              <Fragment key={keys[at]}>
                {day !== null && <MessageSeparator className="day">{day}</MessageSeparator>}
                <Row id={id} last={at === ids.length - 1} />
              </Fragment>
            );
          })}
        </div>
      </div>
      {!pinned && <ToLatest onClick={() => follower.current?.toEnd()} />}
    </div>
  );
}
