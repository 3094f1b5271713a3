import type { Chat, ChatMessage, SessionState } from "@antiphon/client";
import type { JSX, RefObject } from "preact";
import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Texts } from "../language.js";
import type { Visit } from "../visit.js";
import { DownIcon } from "./icons.js";
import { Markdown, labelsOf } from "./markdown.js";
import { Message } from "./message.js";

interface TranscriptProps {
  visit: Visit;
  chat: Chat;
  session: SessionState;
  texts: Texts;
  greeting: string;
  suggestions: readonly string[];
  full: boolean;
}

export function Transcript({ visit, chat, session, texts, greeting, suggestions, full }: TranscriptProps): JSX.Element {
  const middle = useRef<HTMLDivElement>(null);
  const scroller = useRef<HTMLDivElement>(null);
  const list = useRef<HTMLOListElement>(null);
  const { following, toLatest } = useFollowing(scroller, list, session);
  const labels = useMemo(() => labelsOf(texts), [texts]);
  const messages = session.path.map((id) => session.messages.get(id)).filter((it): it is ChatMessage => it !== undefined);
  const loading = session.phase === "loading" && messages.length === 0;
  return (
    <div ref={middle} class="middle" onClick={() => setTimeout(() => holdFocus(middle.current, full))}>
      <div ref={scroller} class="scroll" role="region" aria-label={texts.conversation} tabIndex={0}>
        {session.hasOlder && (
          <button type="button" class="quiet older" data-testid="older" disabled={session.loadingOlder} onClick={() => void chat.loadOlder()}>
            {texts.earlier}
          </button>
        )}
        <ol ref={list} class="transcript" data-testid="transcript" aria-busy={loading}>
          {!session.hasOlder && <li class="entry reply greeting" data-testid="greeting"><Markdown source={greeting} done labels={labels} /></li>}
          {loading && <li class="aside">{texts.loading}</li>}
          {messages.map((message) => <Message key={message.key} chat={chat} message={message} texts={texts} labels={labels} />)}
        </ol>
        {messages.length === 0 && !loading && (
          <div class="beginning">
            {suggestions.length > 0 && (
              <ul class="suggestions" aria-label={texts.suggestions}>
                {suggestions.map((text) => (
                  <li key={text}><button type="button" class="chip" dir="auto" data-testid="suggestion" onClick={() => visit.send(text)}>{text}</button></li>
                ))}
              </ul>
            )}
            <p class="aside">{texts.notice}</p>
          </div>
        )}
      </div>
      <button type="button" class="latest" data-testid="to-latest" data-shown={!following} inert={following} aria-label={texts.latest}
        onClick={() => {
          toLatest();
          scroller.current?.focus({ preventScroll: true });
        }}
      >
        <DownIcon />
      </button>
    </div>
  );
}

/** A button that is gone once it was pressed would take the focus with it. On a phone a text field brings the keyboard up. */
function holdFocus(middle: HTMLElement | null, full: boolean): void {
  const root = middle?.getRootNode();
  if (!(root instanceof ShadowRoot) || root.activeElement !== null) return;
  root.querySelector<HTMLElement>(full ? ".scroll" : "textarea")?.focus({ preventScroll: true });
}

/** How near the end still counts as being there, in pixels. */
const NEAR = 60;

/** Keeps the end in sight while it is; whoever scrolls up reads on undisturbed. */
function useFollowing(scroller: RefObject<HTMLDivElement | null>, list: RefObject<HTMLOListElement | null>, session: SessionState): { following: boolean; toLatest: () => void } {
  const [following, setFollowing] = useState(true);
  const follows = useRef(true);
  const height = useRef(0);
  const toLatest = () => {
    const box = scroller.current;
    if (box !== null) box.scrollTop = box.scrollHeight;
  };
  useLayoutEffect(() => {
    const box = scroller.current;
    if (box === null || list.current === null) return;
    const onScroll = () => {
      follows.current = box.scrollHeight - box.scrollTop - box.clientHeight < NEAR;
      setFollowing(follows.current);
    };
    const grown = new ResizeObserver(() => {
      if (follows.current) toLatest();
    });
    grown.observe(box);
    grown.observe(list.current);
    box.addEventListener("scroll", onScroll, { passive: true });
    return () => {
      grown.disconnect();
      box.removeEventListener("scroll", onScroll);
    };
  }, []);
  const newest = session.path.at(-1);
  const oldest = session.path.at(0);
  // Older messages are put above what is being read: it stays where it is.
  useLayoutEffect(() => {
    const box = scroller.current;
    if (box !== null && !follows.current) box.scrollTop += box.scrollHeight - height.current;
  }, [oldest]);
  useLayoutEffect(() => {
    height.current = scroller.current?.scrollHeight ?? 0;
  });
  useLayoutEffect(() => {
    if (newest === undefined) return;
    // What one has just sent is what one wants to see.
    if (session.running !== null || session.messages.get(newest)?.role === "user") toLatest();
  }, [newest, session.id]);
  return { following, toLatest };
}
