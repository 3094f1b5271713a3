import type { SessionState } from "@antiphon/client";
import { toPlainText } from "@antiphon/client/markdown";
import type { JSX } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Texts } from "../language.js";

/** Reads each reply aloud once, when it is whole: word by word nobody could follow it. */
export function Live({ session, texts, heard }: { session: SessionState; texts: Texts; heard: boolean }): JSX.Element {
  const [words, setWords] = useState("");
  const last = useRef<string | null>(null);
  useLayoutEffect(() => {
    const running = last.current;
    last.current = session.running;
    const ended = running === null || running === session.running ? undefined : session.messages.get(running);
    if (session.running !== null && running === null) setWords(texts.answering);
    if (ended !== undefined) setWords(ended.status === "failed" ? texts.failed : toPlainText(ended.content));
  }, [session]);
  return <div class="unseen" role="status" data-testid="live">{heard ? words : ""}</div>;
}
