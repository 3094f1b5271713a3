import { ApiError, type Api, type Session, type SessionItem, type SessionPage } from "@antiphon/client";
import { createStore } from "zustand/vanilla";
import { loadList, saveList } from "../../shared/offline.js";
import { tellSession } from "../../shared/session_news.js";
import { mergeFirstPage, upsert } from "./merge.js";

/** Sessions asked for at once. */
export const PAGE = 50;
/** A search is led on over so many short answers at most (each takes the server up to a second); then the reader decides. */
export const MOST_ANSWERS = 30;
/** A server that has too much to do is asked again so often, */
export const MOST_RETRIES = 5;
/** after as long as it says, but within these bounds, in milliseconds. */
const [LEAST_PAUSE, MOST_PAUSE] = [1000, 30_000];

export interface SessionListState {
  /** `unreachable`: what is shown is what was read last. */
  readonly phase: "loading" | "ready" | "unreachable";
  /** The last used first. */
  readonly sessions: readonly SessionItem[];
  /** Leads to the next page; null at the end. */
  readonly next: SessionPage["next_before"];
  readonly loadingMore: boolean;
  /** Whether a search that is not at its end goes on only when the reader says so. */
  readonly held: boolean;
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
    held: false,
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
    this.store.setState({ query, archived, held: false, ...(archived === were ? {} : { sessions: [], next: null }), phase: "loading" });
    await this.refresh(true);
  }

  /** Ask again for the newest ones. `anew`: what was shown is the answer to another question. */
  async refresh(anew = false): Promise<void> {
    const asked = ++this.asked;
    try {
      const page = await this.page(null, asked);
      if (asked !== this.asked) return;
      const { sessions, next, query, held } = this.store.getState();
      this.store.setState({ phase: "ready", loadingMore: false, ...(anew ? { sessions: page.sessions, next: page.next_before } : mergeFirstPage({ sessions, next }, page)) });
      if (this.plain) void saveList(this.base, this.store.getState().sessions);
      if (query !== "" && !held) await this.readOn(PAGE);
    } catch (error) {
      if (asked === this.asked) await this.withoutServer(error, anew);
    }
  }

  /** The next page, once at a time; a failure leaves what is there, and reaching the end again asks again. */
  async loadMore(): Promise<void> {
    const { next, loadingMore, sessions } = this.store.getState();
    if (next !== null && !loadingMore) await this.readOn(sessions.length + PAGE);
  }

  /** Leave a search where it is. */
  hold(): void {
    this.asked++;
    this.store.setState({ loadingMore: false, held: true });
  }

  /** Reads on until so many are shown: one answer, but of a search several, since its answers may be short or empty. */
  private async readOn(wanted: number): Promise<void> {
    const { asked } = this;
    const searches = this.store.getState().query !== "";
    for (let answers = 0; answers < (searches ? MOST_ANSWERS : 1); answers++) {
      const { next, sessions } = this.store.getState();
      if (next === null || sessions.length >= wanted) break;
      this.store.setState({ loadingMore: true, held: false });
      const page = await this.page(next, asked).catch(() => null);
      if (asked !== this.asked) return; // Who asked meanwhile has set `loadingMore` back, or will.
      if (page === null) break;
      this.append(page);
    }
    this.store.setState(({ next, sessions }) => ({ loadingMore: false, held: searches && next !== null && sessions.length < wanted }));
  }

  private append(page: SessionPage): void {
    this.store.setState(({ sessions }) => {
      const known = new Set(sessions.map(({ id }) => id));
      return { next: page.next_before, sessions: [...sessions, ...page.sessions.filter(({ id }) => !known.has(id))] };
    });
  }

  /** Whether a reply is under way in a session, as this page knows. */
  mark(id: string, running: boolean): void {
    const { sessions } = this.store.getState();
    if (!sessions.some((one) => one.id === id && (one.running ?? false) !== running)) return;
    this.store.setState({ sessions: sessions.map((one) => (one.id === id ? { ...one, running } : one)) });
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
      tellSession(await this.api.updateSession(session.id, { archived }));
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

  /** Asks again, quietly, where the server has too much to do; not for an answer that nobody waits for any more. */
  private async page(before: SessionPage["next_before"], asked: number): Promise<SessionPage> {
    const { query, archived } = this.store.getState();
    for (let retries = 0; ; retries++) {
      try {
        return await this.api.sessions({ limit: PAGE, archived, ...(before === null ? {} : { before }), ...(query === "" ? {} : { q: query }) });
      } catch (error) {
        if (!(error instanceof ApiError) || error.code !== "overloaded" || retries === MOST_RETRIES) throw error;
        await new Promise((done) => setTimeout(done, Math.min(MOST_PAUSE, Math.max(LEAST_PAUSE, error.waitMs))));
        if (asked !== this.asked) throw error;
      }
    }
  }

  private async withoutServer(error: unknown, anew: boolean): Promise<void> {
    const kept = this.plain && (anew || this.store.getState().sessions.length === 0) && error instanceof ApiError && error.passing ? await loadList(this.base) : null;
    this.store.setState(({ sessions }) => ({ phase: "unreachable", loadingMore: false, sessions: kept ?? (anew ? [] : sessions) }));
  }
}
