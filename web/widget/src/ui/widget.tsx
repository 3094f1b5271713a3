import type { JSX } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { directionOf, type Language, type Texts } from "../language.js";
import type { Options } from "../options.js";
import type { Theme } from "../palette.js";
import type { View } from "../events.js";
import type { Visit } from "../visit.js";
import { useMedia, useStore } from "./hooks.js";
import { Launcher } from "./launcher.js";
import { Panel } from "./panel.js";

/** Where there is no room beside the panel it takes the whole screen. */
export const FULL_SCREEN = "(max-width: 520px), (max-height: 420px)";

export interface WidgetProps {
  visit: Visit;
  options: Options;
  theme: Theme;
  language: Language;
  texts: Texts;
}

export function Widget({ visit, options, theme, language, texts }: WidgetProps): JSX.Element {
  const state = useStore(visit.state);
  const full = useMedia(FULL_SCREEN);
  const root = useRef<HTMLDivElement>(null);
  useFocus(root, state.view, full);
  // Until the bot's name is known there is none: two of them, one after the other, would be read as two bots.
  const asking = state.bot === null && state.chat !== null && options.bot !== null;
  const title = options.title ?? state.bot?.title ?? (asking ? "" : texts.title);
  const greeting = options.greeting ?? state.bot?.greeting ?? texts.greeting;
  return (
    // The empty title keeps the browser from showing the element's own one as a tooltip everywhere.
    <div
      ref={root} class="root" title="" lang={language} dir={directionOf(language)}
      data-theme={theme} data-position={options.position} data-view={state.view} data-full={full}
    >
      <Launcher visit={visit} state={state} texts={texts} label={options.launcherLabel} greeting={greeting} title={title} full={full} />
      {state.chat !== null && (
        <Panel
          visit={visit} chat={state.chat} view={state.view} unread={state.unread} full={full} texts={texts}
          title={title} greeting={greeting} suggestions={options.suggestions}
        />
      )}
    </div>
  );
}

/** The focus goes into an opened chat and back out of a closed one, but never into one that a page opened by itself. */
function useFocus(root: { current: HTMLElement | null }, view: View, full: boolean): void {
  const last = useRef(view);
  useLayoutEffect(() => {
    if (last.current === view) return;
    last.current = view;
    const outward = full || view === "closed" ? ".launcher" : ".restore";
    root.current?.querySelector<HTMLElement>(view === "open" ? "textarea" : outward)?.focus({ preventScroll: true });
  }, [view]);
}
