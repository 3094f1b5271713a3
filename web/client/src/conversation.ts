import type { StoreApi } from "zustand/vanilla";
import type { Api } from "./api.js";
import { backOff } from "./back_off.js";
import { Saver, type SessionCache } from "./caching.js";
import type { Connection } from "./connection.js";
import { type ApiError, apiError } from "./errors.js";
import { Follower } from "./follow.js";
import { cursorAfter, Loading } from "./loading.js";
import { Outbox, type OutboxShelf } from "./outbox.js";
import { type Choice, Outgoing } from "./outgoing.js";
import { Ratings } from "./ratings.js";
import { Replies } from "./replies.js";
import { SessionDraft } from "./session_draft.js";
import type { SessionState } from "./session_state.js";
import type { Session, StoredMessage } from "./types.js";

/** A page that is hidden for so long lets go of its connection: browsers have six for all tabs of a server. */
const HIDDEN_MS = 10_000;
/** What another tab says is sent from here too if it still waits after so long: that tab may be gone. */
const TAKE_UP_MS = 5000;

export interface Surroundings {
  api: Api;
  connection: Connection;
  store: StoreApi<SessionState>;
  cache: SessionCache | undefined;
  shelf: OutboxShelf;
  onSession: ((session: Session) => void) | undefined;
}

/** One session that is open: reads it, follows it, and has what is said in it sent. */
export class Conversation {
  readonly draft: SessionDraft;
  readonly outgoing: Outgoing;
  readonly loading: Loading;
  private readonly replies: Replies;
  private readonly ratings: Ratings;
  private readonly saver: Saver;
  private readonly outbox: Outbox;
  private readonly ended = new AbortController();
  private session: Session | null = null;
  /** Whether it is known what there is in the session: it was read, or begun here. */
  private known = false;
  private follower: Follower | null = null;
  private visible = true;
  private hiding: ReturnType<typeof setTimeout> | undefined;
  private takingUp: ReturnType<typeof setTimeout> | undefined;
  private show: () => void = () => undefined;
  /** Resolves when there is something to show, or when it is known that there is nothing. */
  readonly shown = new Promise<void>((done) => (this.show = done));

  constructor(
    id: string,
    private readonly around: Surroundings,
  ) {
    this.draft = new SessionDraft(id, around.store);
    this.saver = new Saver(around.cache, this.draft, () => this.session);
    this.outbox = new Outbox(around.shelf, id);
    this.ratings = new Ratings(around.api, this.draft, () => this.saver.later());
    this.replies = new Replies(this.draft, {
      undecided: () => this.outgoing.sender.undecided,
      busy: () => this.outgoing.sender.waiting > 0 || this.draft.tree.end?.role === "user",
      fetch: (messageId) => this.fetch(messageId),
      began: (turn) => this.used({ turn_count: turn.number, updated_at: turn.created_at }),
      ended: () => {
        this.used({ updated_at: new Date().toISOString() });
        this.saver.later();
        this.outgoing.sender.next();
      },
    });
    this.outgoing = new Outgoing(around.api, around.connection, this.draft, this.replies, this.outbox, {
      known: () => this.known,
      created: (session) => this.created(session),
      notFound: () => void this.refresh(),
    });
    this.loading = new Loading(around.api, this.draft, this.replies);
    const deaf = around.api.onChange(({ session, what }) => {
      if (session !== id) return;
      if (what === "rated") this.lookAtRatings();
      else void this.refresh();
    });
    this.ended.signal.addEventListener("abort", deaf);
    around.shelf.watch(() => this.elsewhere(), this.ended.signal);
  }

  /** The title of a session that was begun here and is still to be made. */
  get unmade(): string | undefined {
    return this.known && this.session === null ? this.draft.title : undefined;
  }

  /** Begin a session that the server does not know yet. */
  begin(title: string): void {
    this.draft.title = title;
    this.draft.phase = "ready";
    this.known = true;
    this.show();
  }

  /** Say something at the end of the branch shown. False: as many messages wait as may. */
  say(text: string, choice: Choice): boolean {
    const taken = this.outgoing.say(text, this.outgoing.newestReply(), choice, this.unmade);
    this.attend();
    this.draft.publish();
    return taken;
  }

  /** Read the session, and follow it from then on. */
  open(): void {
    this.draft.publish();
    void this.read();
  }

  setVisible(visible: boolean): void {
    if (visible === this.visible) return;
    this.visible = this.draft.visible = visible;
    clearTimeout(this.hiding);
    this.draft.publish();
    if (!visible) {
      this.letGoLater();
      return;
    }
    this.follower?.go();
    void this.refresh();
    this.lookAtRatings();
  }

  async rename(title: string): Promise<void> {
    this.know(await this.around.api.updateSession(this.draft.id, { title }));
    this.draft.publish();
  }

  /** Rejects with ApiError; what was shown at once is taken back then. */
  async rate(messageId: string, rating: "up" | "down" | null): Promise<void> {
    await this.ratings.rate(messageId, rating);
  }

  /** What is being sent is sent to its end; all else is let go of. */
  close(): void {
    this.saver.now();
    this.ended.abort();
    clearTimeout(this.hiding);
    clearTimeout(this.takingUp);
    this.follower?.close();
    this.loading.close();
    this.outgoing.close();
    this.draft.close();
    this.around.connection.well(this);
    this.show();
  }

  /** Another tab has changed what waits to be sent. */
  private elsewhere(): void {
    this.outgoing.heed();
    this.takingUp ??= setTimeout(() => {
      this.takingUp = undefined;
      // What is not known yet takes everything up when it is.
      if (!this.known || this.draft.phase !== "ready") return;
      this.outgoing.takeUp();
      this.attend();
      this.draft.changed();
    }, TAKE_UP_MS);
  }

  /** Something waits that may have to follow a reply: that is followed on a hidden page too. */
  private attend(): void {
    if (this.visible || this.outgoing.sender.waiting === 0) return;
    this.follower?.go();
    this.letGoLater();
  }

  private letGoLater(): void {
    clearTimeout(this.hiding);
    this.hiding = setTimeout(() => {
      if (this.outgoing.sender.waiting > 0) this.letGoLater();
      else this.follower?.hold();
    }, HIDDEN_MS);
  }

  private get closed(): boolean {
    return this.ended.signal.aborted;
  }

  private async read(): Promise<void> {
    const { connection } = this.around;
    for (let failures = 1; ; failures++) {
      const answer = await this.loading.load().catch(apiError);
      if (this.closed) return;
      if (!(answer instanceof Error)) {
        connection.well(this);
        this.loaded(answer.session, answer.cursor);
        return;
      }
      if (isNotThere(answer)) {
        connection.well(this);
        this.notThere();
        return;
      }
      if (failures === 1 && (await this.showKept())) return;
      const ms = Math.max(backOff(failures), answer.waitMs);
      connection.failed(this, failures, Date.now() + ms);
      await connection.pause(ms, this.ended.signal);
    }
  }

  private loaded(session: Session, cursor: string): void {
    const first = !this.known;
    this.known = true;
    this.draft.phase = "ready";
    this.draft.stale = false;
    this.know(session);
    if (first) this.outgoing.settle();
    this.outgoing.sender.next();
    this.follow(cursor);
    this.attend();
    this.saver.later();
    this.draft.publish();
    this.show();
    void this.loading.further().then(() => this.saver.later());
  }

  /** Show what the reader has of the session; tells whether there is nothing to be read any more. */
  private async showKept(): Promise<boolean> {
    const cached = await this.saver.load();
    const { draft } = this;
    if (this.closed) return true;
    if (!cached && this.restoreUnmade()) return true;
    draft.phase = cached ? "ready" : "unreachable";
    if (cached) {
      this.session = cached.session;
      draft.stale = true;
      draft.title = cached.session.title;
      for (const message of cached.messages) this.replies.store(message);
      draft.tree.endAt(draft.tree.newest());
      this.outgoing.settle();
    } else this.outgoing.restore();
    draft.publish();
    this.show();
    return false;
  }

  /** Take up a session that this page was to make when it was loaded anew; tells whether it is one. */
  private restoreUnmade(): boolean {
    const begun = this.session ? undefined : this.outbox.entries().find((entry) => entry.title !== undefined);
    if (begun?.title === undefined) return false;
    this.begin(begun.title);
    this.outgoing.settle();
    this.draft.publish();
    return true;
  }

  private notThere(): void {
    if (this.restoreUnmade()) return;
    const { draft } = this;
    draft.phase = "missing";
    draft.stale = false;
    this.saver.remove();
    this.outgoing.giveUp();
    this.follower?.close();
    draft.publish();
    this.show();
  }

  private created(session: Session): void {
    this.know(session);
    this.follow(cursorAfter(session));
  }

  private follow(cursor: string): void {
    if (this.follower || this.closed) return;
    const path = `/api/sessions/${encodeURIComponent(this.draft.id)}/events`;
    this.follower = new Follower(this.around.api, this.around.connection, path, cursor, {
      take: (event) => {
        // Who goes on elsewhere may have renamed it there.
        if (event.type === "turn" && event.number > (this.session?.turn_count ?? 0)) void this.refresh();
        return this.replies.take(event);
      },
      undecided: () => this.outgoing.sender.undecided,
      reload: async () => {
        const read = await this.loading.load();
        this.know(read.session);
        // What waited for a reply may find it whole.
        this.outgoing.sender.next();
        this.draft.changed();
        void this.loading.further();
        return read.cursor;
      },
      gone: (error) => {
        const gone = isNotThere(error);
        if (gone) this.notThere();
        return gone;
      },
    });
    if (this.visible || this.outgoing.sender.waiting > 0) this.follower.go();
  }

  /** See what became of the session meanwhile: its title, or that it is gone. */
  private async refresh(): Promise<void> {
    if (this.draft.phase !== "ready" || !this.session) return;
    const answer = await this.around.api.session(this.draft.id).catch(apiError);
    if (this.closed) return;
    if (!(answer instanceof Error)) this.know(answer);
    else if (isNotThere(answer)) this.notThere();
    this.draft.changed();
  }

  /** Others of this reader's pages may have rated replies; what cannot be read now is read when the page is seen again. */
  private lookAtRatings(): void {
    if (this.draft.phase === "ready" && this.session) this.ratings.lookAgain().catch(apiError);
  }

  private async fetch(messageId: string): Promise<StoredMessage | "gone" | null> {
    const { api, connection } = this.around;
    for (let failures = 1; !this.closed; failures++) {
      const answer = await api.message(messageId).catch(apiError);
      if (!(answer instanceof Error)) return answer;
      if (isNotThere(answer)) return "gone";
      await connection.pause(Math.max(backOff(failures), answer.waitMs), this.ended.signal);
    }
    return null;
  }

  private know(session: Session): void {
    this.session = session;
    this.draft.title = session.title;
    this.around.onSession?.(session);
  }

  private used(change: Partial<Session>): void {
    if (!this.session) return;
    const turns = Math.max(this.session.turn_count, change.turn_count ?? 0);
    this.session = { ...this.session, ...change, turn_count: turns };
    this.around.onSession?.(this.session);
  }
}

/**
 * Whether the server says that a session or message is not there, or that its id cannot be one. Proxies say 404
 * as well while servers come and go: without the server's code it means nothing.
 */
function isNotThere(error: ApiError): boolean {
  return (error.status === 404 && error.code === "not_found") || (error.status === 422 && error.code === "invalid");
}
