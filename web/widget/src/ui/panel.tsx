import type { Chat } from "@antiphon/client";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { Texts } from "../language.js";
import type { View } from "../events.js";
import type { Visit } from "../visit.js";
import { Composer } from "./composer.js";
import { Header } from "./header.js";
import { useStore } from "./hooks.js";
import { Live } from "./live.js";
import { Transcript } from "./transcript.js";

export interface PanelProps {
  visit: Visit;
  chat: Chat;
  view: View;
  unread: boolean;
  full: boolean;
  texts: Texts;
  title: string;
  greeting: string;
  suggestions: readonly string[];
}

/** The dialog: its title, the conversation, the text field. */
export function Panel(props: PanelProps): JSX.Element {
  const { visit, chat, view, full, texts, title } = props;
  const session = useStore(chat.store);
  const panel = useRef<HTMLElement>(null);
  useKeyboardRoom(panel, full && view === "open");
  const gone = view === "closed" || (full && view === "minimised");
  const keys = (event: KeyboardEvent) => {
    if (event.isComposing) return;
    if (event.key === "Escape" && view === "open") {
      // The shop's own Escape is not meant.
      event.stopPropagation();
      visit.show("minimised");
    } else if (event.key === "Tab" && full) {
      keepInside(panel.current, event);
    }
  };
  return (
    <section
      ref={panel} class="panel" data-testid="panel" data-state={view} role="dialog" aria-labelledby="title"
      aria-modal={full && view === "open" ? true : undefined} inert={gone} onKeyDown={keys}
    >
      <Header visit={visit} chat={chat} view={view} unread={props.unread} running={session.running !== null} texts={texts} title={title} />
      <div class="body" inert={view !== "open"}>
        <Transcript visit={visit} chat={chat} session={session} texts={texts} greeting={props.greeting} suggestions={props.suggestions} full={full} />
        <Composer visit={visit} chat={chat} session={session} texts={texts} shown={view === "open"} />
      </div>
      <Live session={session} texts={texts} heard={view === "open"} />
    </section>
  );
}

/** On a phone's full screen there is nothing to go to behind the panel. */
function keepInside(panel: HTMLElement | null, event: KeyboardEvent): void {
  const root = panel?.getRootNode();
  if (panel === null || !(root instanceof ShadowRoot)) return;
  const all = [...panel.querySelectorAll<HTMLElement>("button:not(:disabled), textarea, a[href], [tabindex='0']")];
  const seen = all.filter((it) => it.checkVisibility({ visibilityProperty: true }) && it.closest("[inert]") === null);
  const [first, last] = [seen.at(0), seen.at(-1)];
  const [edge, other] = event.shiftKey ? [first, last] : [last, first];
  if (root.activeElement !== edge) return;
  event.preventDefault();
  other?.focus();
}

/** A phone's keyboard covers fixed elements: the panel takes only what is left of the screen. */
function useKeyboardRoom(panel: { current: HTMLElement | null }, active: boolean): void {
  useEffect(() => {
    const room = window.visualViewport;
    const { style } = panel.current ?? {};
    if (room === null || style === undefined || !active) return;
    const fit = () => {
      style.setProperty("--room", `${room.height}px`);
      style.setProperty("--room-top", `${room.offsetTop}px`);
    };
    fit();
    room.addEventListener("resize", fit);
    room.addEventListener("scroll", fit);
    return () => {
      room.removeEventListener("resize", fit);
      room.removeEventListener("scroll", fit);
      style.removeProperty("--room");
      style.removeProperty("--room-top");
    };
  }, [active]);
}
