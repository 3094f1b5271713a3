import type { Session } from "@antiphon/client";

/** The session that is `step` places after the open one (before: negative); the first one if none is open. */
export function neighbour(sessions: readonly Session[], current: string | null, step: 1 | -1): Session | undefined {
  const at = sessions.findIndex(({ id }) => id === current);
  return at === -1 ? sessions[0] : sessions[at + step];
}
