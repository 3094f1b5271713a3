import type { Session } from "@antiphon/client";
import { UNDO_MS, type Deletions } from "./deletions.js";

/** A deletion that the reader asked for. */
interface Deleted {
  session: Session;
  base: string;
  /** Whether it was the one that was open. */
  open: boolean;
  /** When, in milliseconds since 1970. */
  at: number;
}

/** What the reader sees of it. */
export interface View {
  /** Show that these were deleted, with a way back for all. Returns how to take the message away. */
  tell: (sessions: readonly Session[], undo: () => void, onTime: (left: number) => void) => () => void;
  /** Show a session, or null: a new conversation. */
  open: (id: string | null) => void;
  /** A session is back in the list. */
  back: (id: string) => void;
}

/** Those of one message. */
interface Batch {
  all: readonly Deleted[];
  end: () => void;
}

/** Deletes sessions so that they can be had back: several in a row share one message, so that none pushes another's out. */
export class Undoing {
  private batch: Batch | null = null;

  constructor(
    private readonly deletions: Deletions,
    private readonly view: View,
  ) {}

  remove(session: Session, base: string, open: boolean): void {
    this.deletions.schedule(session.id, base);
    if (open) this.view.open(null);
    this.tell([...this.left(), { session, base, open, at: Date.now() }]);
  }

  /** Take the last deletion back; false: there is none that can be. */
  undoLast(): boolean {
    const left = this.left();
    const last = left.pop();
    if (last === undefined) return false;
    this.tell(left);
    this.undo([last]);
    return true;
  }

  /** Those that can still be taken back. */
  private left(): Deleted[] {
    return this.batch?.all.filter(({ session, base }) => this.deletions.canUndo(session.id, base)) ?? [];
  }

  private undo(these: readonly Deleted[]): void {
    for (const { session, base } of these) this.deletions.undo(session.id, base);
    const opened = these.findLast(({ open }) => open);
    if (opened !== undefined) this.view.open(opened.session.id);
    const last = these.at(-1);
    if (last !== undefined) this.view.back(last.session.id);
  }

  private tell(all: readonly Deleted[]): void {
    const before = this.batch;
    const batch: Batch = { all, end: () => undefined };
    // First: the end of the message before must not carry out what this one still holds.
    this.batch = batch;
    before?.end();
    if (all.length === 0) return;
    // However the message goes, a deletion has its whole time.
    const onTime = (left: number): void => {
      if (this.batch !== batch) return;
      for (const { session, base, at } of all) this.deletions.delay(session.id, base, Math.max(left, at + UNDO_MS - Date.now()));
    };
    batch.end = this.view.tell(
      all.map(({ session }) => session),
      () => this.undo(this.left()),
      onTime,
    );
    onTime(UNDO_MS);
  }
}
