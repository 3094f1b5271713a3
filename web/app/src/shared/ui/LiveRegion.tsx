import { useEffect, useState, type ReactNode } from "react";
import { onAnnounce } from "../announce.js";

/** The page's one polite live region; `announce` fills it. */
export function LiveRegion(): ReactNode {
  const [said, setSaid] = useState({ text: "", turn: 0 });
  useEffect(() => onAnnounce((text) => setSaid(({ turn }) => ({ text, turn: turn + 1 }))), []);
  // A key of its own for each, so that the same words twice are a change that is spoken.
  return (
    <p className="sr" role="status" aria-live="polite" data-testid="live">
      <span key={said.turn}>{said.text}</span>
    </p>
  );
}
