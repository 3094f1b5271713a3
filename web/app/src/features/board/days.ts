import type { Post } from "@antiphon/client";

/** After this long a post of the same sender has its name above it again, in milliseconds. */
const TOGETHER_MS = 5 * 60 * 1000;

/** A post, and how it stands to the one before it. */
export interface Placed {
  readonly post: Post;
  /** In milliseconds since 1970; null where the server sent what is no date. */
  readonly at: number | null;
  readonly newDay: boolean;
  /** Whether it goes on what the same sender said just before. */
  readonly goesOn: boolean;
}

function timeOf({ timestamp }: Post): number | null {
  const at = Date.parse(timestamp);
  return Number.isNaN(at) ? null : at;
}

/** Groups posts by day and by sender; times are this browser's. */
export function placed(posts: readonly Post[]): Placed[] {
  let before: Placed | undefined;
  return posts.map((post) => {
    const at = timeOf(post);
    const newDay = at !== null && (before?.at == null || new Date(at).toDateString() !== new Date(before.at).toDateString());
    const goesOn = !newDay && before?.post.sender === post.sender && (at === null || before.at === null || at - before.at < TOGETHER_MS);
    before = { post, at, newDay, goesOn };
    return before;
  });
}
