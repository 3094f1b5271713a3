import type { JSX } from "preact";
import type { Texts } from "../language.js";
import type { Visit, VisitState } from "../visit.js";
import { ChatIcon, CloseIcon } from "./icons.js";

interface LauncherProps {
  visit: Visit;
  state: VisitState;
  texts: Texts;
  label: string | null;
  greeting: string;
  title: string;
  full: boolean;
}

/** The button in the corner, with the greeting beside it. */
export function Launcher({ visit, state, texts, label, greeting, title, full }: LauncherProps): JSX.Element {
  // On a phone a minimised chat is a launcher with the chat's title: a bar would cover the shop's own.
  const shown = state.view === "closed" || (full && state.view === "minimised");
  const words = state.view === "minimised" ? title : label;
  const open = () => visit.show("open");
  return (
    <div class="corner" data-shown={shown} inert={!shown}>
      <button type="button" class="launcher" data-testid="launcher" aria-expanded={false} onClick={open} aria-label={name(state.unread, texts, words)}>
        <ChatIcon />
        {words !== null && words !== "" && <span class="launcher-words" dir="auto">{words}</span>}
        {state.unread && shown && <span class="unread" data-testid="unread" />}
      </button>
      {state.greeted && state.view === "closed" && (
        <div class="bubble" data-testid="bubble" onKeyDown={(event) => event.key === "Escape" && visit.hush()}>
          <button type="button" class="bubble-words" dir="auto" onClick={open}>{greeting}</button>
          <button type="button" class="bubble-close" data-testid="bubble-close" aria-label={texts.dismiss} onClick={() => visit.hush()}>
            <CloseIcon />
          </button>
        </div>
      )}
    </div>
  );
}

/** What is read aloud begins with what is written on the button, so that voice control finds it. */
function name(unread: boolean, texts: Texts, words: string | null): string {
  const action = unread ? texts.openUnread : texts.open;
  return words === null || words === "" ? action : `${words}: ${action}`;
}
