import type { Chat } from "@antiphon/client";
import type { JSX } from "preact";
import type { Texts } from "../language.js";
import type { View } from "../events.js";
import type { Visit } from "../visit.js";
import { useStore } from "./hooks.js";
import { CloseIcon, MinimiseIcon, NewIcon, RestoreIcon } from "./icons.js";

interface HeaderProps {
  visit: Visit;
  chat: Chat;
  view: View;
  unread: boolean;
  running: boolean;
  texts: Texts;
  title: string;
}

/** Who answers, how the connection is, and what can be done with the panel. Of a minimised one it is all there is. */
export function Header({ visit, chat, view, unread, running, texts, title }: HeaderProps): JSX.Element {
  const { status } = useStore(chat.connection.store);
  const minimised = view === "minimised";
  const news = unread && minimised;
  const says = status !== "connected" ? texts[status] : running ? texts.answering : news ? texts.unread : texts.connected;
  return (
    <div class="head">
      <span class="face" aria-hidden="true">
        {initialOf(title)}
        {news && <span class="unread" data-testid="unread" />}
      </span>
      <div class="who">
        <h2 id="title">{title}</h2>
        <p class="status" data-testid="connection" data-status={status} data-running={running} data-news={news}>{says}</p>
      </div>
      <div class="tools">
        {!minimised && <Tool id="widget-new" name={texts.startNew} act={() => visit.startNew()} icon={<NewIcon />} />}
        {!minimised && <Tool id="widget-minimise" name={texts.minimise} act={() => visit.show("minimised")} icon={<MinimiseIcon />} />}
        {minimised && <RestoreIcon />}
        <Tool id="widget-close" name={texts.close} act={() => visit.show("closed")} icon={<CloseIcon />} />
      </div>
      <button
        type="button" class="restore" data-testid="widget-restore" hidden={!minimised} aria-expanded={false}
        aria-label={`${title}: ${unread ? texts.restoreUnread : texts.restore}`} onClick={() => visit.show("open")}
      />
    </div>
  );
}

/** The first letter as a reader sees it, however many characters it is made of. */
function initialOf(title: string): string {
  const [first] = new Intl.Segmenter().segment(title);
  return first?.segment ?? "";
}

function Tool({ id, name, act, icon }: { id: string; name: string; act: () => void; icon: JSX.Element }): JSX.Element {
  return (
    <button type="button" class="tool" data-testid={id} aria-label={name} title={name} onClick={act}>
      {icon}
    </button>
  );
}
