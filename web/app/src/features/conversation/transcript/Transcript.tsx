import { MessageSeparator } from "@chatscope/chat-ui-kit-react";
import { Fragment, useRef, type KeyboardEvent, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { useChat, useServer } from "../../../shared/server.js";
import { Row } from "../message/Row.js";
import { useNow } from "../message/Time.js";
import { beginsDay, dayName } from "./days.js";
import { Earlier } from "./Earlier.js";
import { HoldContext } from "./holding.js";
import { Later } from "./Later.js";
import { moveByKey, moveToEdge } from "./moving.js";
import { usePrinting, useWhole } from "./printing.js";
import { ToLatest } from "./ToLatest.js";
import { useFollower } from "./useFollower.js";
import { useShown } from "./useShown.js";
import { useToStart } from "./useToStart.js";

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
  const hasOlder = useChat((state) => state.hasOlder);
  const shown = useShown(scroller, useWhole());
  const dayAt = useDays();
  const { ids, keys, start, more } = shown;
  const { follower, pinned, hold } = useFollower(scroller, content, shown);
  usePrinting(follower);
  const toEnd = (): void => follower.current?.toEnd();
  const toStart = useToStart(() => {
    shown.beginning();
    follower.current?.toStart();
  });
  const onKeyDown = (event: KeyboardEvent<HTMLElement>): void => {
    toStart.cancel();
    if (!moveToEdge(event, toStart.begin, toEnd)) moveByKey(event, follower.current);
  };
  return (
    <div className="transcript-place">
      <div ref={scroller} className="scroller" data-testid="transcript" role="log" aria-live="off" aria-label={t("transcript")} tabIndex={0} onKeyDown={onKeyDown} onWheel={toStart.cancel} onPointerDown={toStart.cancel}>
        <Earlier root={scroller} start={start} onNear={shown.earlier} />
        {hasOlder && <p className="paper-only">{t("earlierNotPrinted")}</p>}
        <HoldContext value={hold}>
          <div ref={content} className="column">
            {ids.map((id, at) => {
              const day = dayAt(start + at);
              return (
                <Fragment key={keys[at]}>
                  {day !== null && <MessageSeparator className="day">{day}</MessageSeparator>}
                  <Row id={id} last={!more && at === ids.length - 1} />
                </Fragment>
              );
            })}
          </div>
        </HoldContext>
        {more && <Later root={scroller} end={shown.end} onNear={shown.later} />}
      </div>
      {!pinned && <ToLatest onClick={toEnd} />}
    </div>
  );
}
