import { ApiError, type Api, type Session, type SessionPage } from "@antiphon/client";
import { createStore } from "zustand/vanilla";
import { loadList, saveList } from "../../shared/offline.js";
import { mergeFirstPage, upsert } from "./merge.js";

/** Sessions asked for at once. */
export const PAGE = 50;

export interface SessionListState {
  /** `unreachable`: what is shown is what was read last. */
  readonly phase: "loading" | "ready" | "unreachable";
  /** The last used first. */
  readonly sessions: readonly Session[];
  /** Leads to the next page; null at the end. */
  readonly next: number | null;
  readonly loadingMore: boolean;
  readonly query: string;
  readonly archived: boolean;
}

/** The sessions of one server: those that a search finds, or all, archived ones apart. */
export class SessionList {
  readonly store = createStore<SessionListState>(() => ({
    phase: "loading",
    sessions: [],
    next: null,
    loadingMore: false,
    query: "",
    archived: false,
  }));
  /** Counts the questions asked, so that a late answer to an earlier one changes nothing. */
  private asked = 0;

  constructor(
    readonly api: Api,
    /** Its base URL; "" for the one the page came from. */
    readonly base: string,
    /** Told when this page changed a session, for the browser's other pages. */
    private readonly onChange: () => void = () => undefined,
  ) {}

  /** Show what is found by a text, or what is archived; "" and false: all others. */
  async show(query: string, archived: boolean): Promise<void> {
    const { query: before, archived: were } = this.store.getState();
    if (query === before && archived === were) return;
    this.store.setState({ query, archived, ...(archived === were ? {} : { sessions: [], next: null }), phase: "loading" });
    await this.refresh(true);
  }

  /** Ask again for the newest ones. `anew`: what was shown is the answer to another question. */
  async refresh(anew = false): Promise<void> {
    const asked = ++this.asked;
    try {
      const page = await this.page(null);
      if (asked !== this.asked) return;
      const { sessions, next } = this.store.getState();
      this.store.setState({ phase: "ready", loadingMore: false, ...(anew ? { sessions: page.sessions, next: page.next_before } : mergeFirstPage({ sessions, next }, page)) });
      if (this.plain) void saveList(this.base, this.store.getState().sessions);
    } catch (error) {
      if (asked === this.asked) await this.withoutServer(error, anew);
    }
  }

  /** The next page, once at a time; a failure leaves what is there, and reaching the end again asks again. */
  async loadMore(): Promise<void> {
    const { next, loadingMore } = this.store.getState();
    if (next === null || loadingMore) return;
    const asked = this.asked;
    this.store.setState({ loadingMore: true });
    const page = await this.page(next).catch(() => null);
    if (asked !== this.asked) return; // A refresh began meanwhile and has set `loadingMore` back.
    this.store.setState(({ sessions }) => {
      if (page === null) return { loadingMore: false };
      const known = new Set(sessions.map(({ id }) => id));
      return { loadingMore: false, next: page.next_before, sessions: [...sessions, ...page.sessions.filter(({ id }) => !known.has(id))] };
    });
  }

  /** A session was created, renamed or used on this page. */
  put(session: Session): void {
    if (this.plain && !session.archived) this.store.setState(({ sessions }) => ({ sessions: upsert(sessions, session) }));
    this.onChange();
  }

  async rename(id: string, title: string): Promise<void> {
    this.put(await this.api.updateSession(id, { title }));
  }

  /** Archive or bring back: it leaves the list shown at once, and returns if the server does not have it so. */
  async archive(session: Session, archived: boolean): Promise<void> {
    this.take(session.id);
    try {
      await this.api.updateSession(session.id, { archived });
      this.onChange();
    } finally {
      await this.refresh();
    }
  }

  /** A session that is no more. */
  removed(id: string): void {
    this.take(id);
    this.onChange();
  }

  private take(id: string): void {
    this.store.setState(({ sessions }) => ({ sessions: sessions.filter((one) => one.id !== id) }));
  }

  private get plain(): boolean {
    const { query, archived } = this.store.getState();
    return query === "" && !archived;
  }

  private page(before: number | null): Promise<SessionPage> {
    const { query, archived } = this.store.getState();
    return this.api.sessions({ limit: PAGE, archived, ...(before === null ? {} : { before }), ...(query === "" ? {} : { q: query }) });
  }

  private async withoutServer(error: unknown, anew: boolean): Promise<void> {
    const kept = this.plain && (anew || this.store.getState().sessions.length === 0) && error instanceof ApiError && error.passing ? await loadList(this.base) : null;
    this.store.setState(({ sessions }) => ({ phase: "unreachable", loadingMore: false, sessions: kept ?? (anew ? [] : sessions) }));
  }
}
