import type { ChatMessage } from "@antiphon/client";
import { useId, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { IconButton } from "../../../shared/ui/Button.js";
import { FiguresIcon } from "../../../shared/ui/icons.js";
import { useConversation } from "../context.js";
import { nameOf } from "../voices.js";
import { Body } from "./Body.js";
import { CopyButton, RateButtons, RegenerateButtons, SpeakButton } from "./buttons.js";
import { Figures } from "./Figures.js";
import { notesOf } from "./notes.js";
import { Thoughts } from "./Thoughts.js";
import { Time } from "./Time.js";
import { Trouble } from "./Trouble.js";
import { Versions } from "./Versions.js";

function Foot({ message }: { message: ChatMessage }): ReactNode {
  const { t } = useTranslation("conversation");
  const { voices } = useConversation();
  const [figures, setFigures] = useState(false);
  const panel = useId();
  const { id, status } = message;
  const notes = notesOf(message);
  return (
    <>
      {notes.length > 0 && (
        <p className="notes">
          {notes.map((note) => (
            <span key={note} className="note">
              {t(`notes.${note}`)}
            </span>
          ))}
        </p>
      )}
      <div className="foot">
        <Versions id={id} />
        <span className="acts">
          {message.content !== "" && <CopyButton id={id} />}
          {status !== "failed" && <RegenerateButtons id={id} sender={message.sender} />}
          {message.content !== "" && <RateButtons id={id} rating={message.feedback?.rating ?? null} />}
          {message.content !== "" && <SpeakButton id={id} />}
          <IconButton label={t("figures.show")} icon={<FiguresIcon />} data-testid="figures" aria-expanded={figures} aria-controls={panel} onClick={() => setFigures(!figures)} />
        </span>
        <span className="by">
          <bdi>{nameOf(voices, message.sender)}</bdi>
          <Time at={message.createdAt} />
        </span>
      </div>
      {figures && <Figures id={id} panel={panel} />}
    </>
  );
}

/** What was answered. */
export function Reply({ message }: { message: ChatMessage }): ReactNode {
  const { status, reasoning, content, id } = message;
  const running = status === "waiting" || status === "streaming";
  return (
    <>
      {reasoning !== "" && <Thoughts id={id} thinking={running && content === ""} />}
      <Body id={id} waiting={running && content === ""} />
      {status === "failed" && <Trouble key={message.fault?.code} message={message} />}
      {!running && <Foot message={message} />}
    </>
  );
}
