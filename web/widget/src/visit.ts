import { Api, Chat, Connection, newId, type Bot, type ChatMessage, type SessionState } from "@antiphon/client";
import type { Events, View } from "./events.js";
import { SafeArea, Shelf } from "./storage.js";
import { Store } from "./store.js";

export interface VisitState {
  view: View;
  /** Whether a reply ended that the visitor has not seen. */
  unread: boolean;
  /** Whether the greeting stands beside the launcher. */
  greeted: boolean;
  /** Null until the server has told; empty where it knows none of that name, or does not answer. */
  bot: Partial<Pick<Bot, "title" | "greeting">> | null;
  /** The conversation; null until it is asked for. */
  chat: Chat | null;
}

export interface VisitOptions {
  server: string;
  bot: string | null;
  /** Whether to begin open, for a visitor who has not opened or closed it yet. */
  open: boolean;
  /** Whether an open chat would cover the page: then none opens unasked. */
  covering: boolean;
  emit<N extends keyof Events>(name: N, detail: Events[N]): void;
}

const GREETING_DELAY_MS = 4000;
/** `newId` gives 128 random bits; whoever has the key has the conversations, so it gets twice as many. */
const newKey = (): string => newId("visitor-") + newId("");

/**
 * A visitor's conversation with one bot of one server: across pages, tabs and visits.
 *
 * What is remembered lies in the page's own storage, and the visitor is known to the server by a random key, not by
 * a cookie: browsers block cookies of other sites. Before the chat is opened nothing is asked of the server and no key
 * is made, so a page may show the launcher before its visitor has agreed to anything.
 */
export class Visit {
  readonly state: Store<VisitState>;
  readonly #options: VisitOptions;
  readonly #ofServer: Shelf;
  readonly #kept: Shelf;
  readonly #ofTab: Shelf;
  readonly #ended = new AbortController();
  #greeting: ReturnType<typeof setTimeout> | undefined;

  constructor(options: VisitOptions) {
    this.#options = options;
    const local = new SafeArea("localStorage");
    const place = `antiphon:${options.server}:`;
    this.#ofServer = new Shelf(local, place);
    this.#kept = new Shelf(local, `${place}${options.bot ?? ""}:`);
    this.#ofTab = new Shelf(new SafeArea("sessionStorage"), `${place}${options.bot ?? ""}:`);
    this.state = new Store<VisitState>({
      view: this.#firstView(),
      unread: this.#kept.getItem("unread") !== null,
      greeted: false,
      bot: this.#knownBot(),
      chat: null,
    });
    const { signal } = this.#ended;
    window.addEventListener("storage", (event) => this.#otherTab(event), { signal });
    document.addEventListener("visibilitychange", () => this.#lookAgain(), { signal });
    this.#lookAgain();
    if (this.state.getState().view !== "closed") this.#engage();
    else this.#greetSoon();
  }

  /** Opens, minimises or closes the chat. The conversation is kept in each case. */
  show(view: View): void {
    if (view === this.state.getState().view) return;
    this.#kept.put("view", view);
    this.#ofTab.put("view", view);
    this.hush();
    this.state.set({ view });
    if (view !== "closed") this.#engage();
    if (view === "open") this.#read();
    this.#letGoOrHold();
    this.#options.emit(view === "closed" ? "close" : view === "open" ? "open" : "minimise", {});
  }

  /**
   * Sends a message, and before it in the same one what was refused. False, and nothing is sent: there is nothing to
   * send, a reply is under way, or too many messages wait.
   */
  send(text: string): boolean {
    const words = text.trim();
    if (words === "") return false;
    const chat = this.#engage();
    if (chat.store.getState().running !== null) return false;
    const { bot } = this.#options;
    const all = joined([...this.#takeRefused(chat), words]);
    const taken = chat.send(all, bot === null ? {} : { bot });
    if (taken) this.#options.emit("sent", { text: all });
    return taken;
  }

  startNew(): void {
    this.draft = "";
    this.#beginAnew();
  }

  /** What is written and not sent yet. */
  get draft(): string {
    return this.#kept.getItem("draft") ?? "";
  }

  set draft(text: string) {
    this.#kept.put("draft", text === "" ? null : text);
  }

  /** Takes the greeting away, for good. */
  hush(): void {
    clearTimeout(this.#greeting);
    this.#kept.setItem("greeted", "1");
    if (this.state.getState().greeted) this.state.set({ greeted: false });
  }

  destroy(): void {
    clearTimeout(this.#greeting);
    this.#ended.abort();
    const { chat } = this.state.getState();
    chat?.close();
    chat?.connection.close();
  }

  #firstView(): View {
    const ofTab = this.#ofTab.getItem("view");
    const last = ofTab ?? (this.#options.covering ? null : this.#kept.getItem("view"));
    if (last === "open" || last === "minimised" || last === "closed") return last;
    return this.#options.open && !this.#options.covering ? "open" : "closed";
  }

  #engage(): Chat {
    const known = this.state.getState().chat;
    if (known !== null) return known;
    const connection = new Connection();
    const api = new Api({ base: this.#options.server, key: visitorKey(this.#ofServer), connection });
    const chat = new Chat({ api, connection, storage: this.#kept });
    this.#ended.signal.addEventListener("abort", chat.store.subscribe((state, before) => this.#followed(state, before)));
    this.state.set({ chat });
    const session = this.#kept.getItem("session");
    if (session === null) chat.startNew();
    else void chat.open(session);
    this.#letGoOrHold();
    void this.#meetBot(api);
    return chat;
  }

  /** A reply that was under way on the page before this one is followed to its end, also while the chat is closed. */
  #lookAgain(): void {
    if (!document.hidden && this.#kept.getItem("running") !== null) this.#engage();
    if (!document.hidden && this.state.getState().view === "open") this.#read();
    this.#letGoOrHold();
  }

  #letGoOrHold(): void {
    const { chat, view } = this.state.getState();
    if (chat === null) return;
    const running = chat.store.getState().running !== null || this.#kept.getItem("running") !== null;
    chat.setVisible(!document.hidden && (view === "open" || running));
  }

  #beginAnew(): void {
    this.#kept.removeItem("session");
    this.#kept.removeItem("running");
    this.#read();
    this.#engage().startNew();
  }

  /**
   * The next message would hide refused ones as versions of itself, which cannot be leafed through here. One that was
   * too long is not taken along: the next is said instead of it.
   */
  #takeRefused(chat: Chat): string[] {
    const refused = unsentOf(chat.store.getState());
    for (const { id } of refused) chat.discard(id);
    return refused.filter(({ fault }) => fault?.code !== "too_large").map(({ content }) => content);
  }

  /** The conversation is gone. What was said in it and not sent goes back to where it was written, before what stands there. */
  #leaveMissing(state: SessionState): void {
    this.draft = joined([...unsentOf(state).map(({ content }) => content), this.draft].filter((text) => text !== ""));
    this.#beginAnew();
    if (state.id !== null) this.state.getState().chat?.dropUnsent(state.id);
  }

  #followed(state: SessionState, before: SessionState): void {
    if (state.phase === "missing") {
      this.#leaveMissing(state);
      return;
    }
    if (state.id !== before.id && state.id !== null) this.#kept.setItem("session", state.id);
    if (state.running !== before.running || state.phase !== before.phase) this.#keepRunning(state);
    const ended = before.running !== null && before.id === state.id ? state.messages.get(before.running) : undefined;
    if (ended !== undefined && (ended.status === "complete" || ended.status === "stopped" || ended.status === "failed")) {
      this.#options.emit("reply", { id: ended.id, text: ended.content, status: ended.status });
    }
  }

  /** Pages are left while replies are under way: the next page is to know of them. */
  #keepRunning({ phase, running }: SessionState): void {
    if (phase === "ready" || phase === "new" || running !== null) {
      const known = this.#kept.getItem("running") !== null;
      // It ended between two pages.
      if (known && running === null && this.state.getState().view !== "open") this.#keepUnread();
      if (known !== (running !== null)) this.#kept.put("running", running === null ? null : "1");
    }
    this.#letGoOrHold();
  }

  #keepUnread(): void {
    this.#kept.setItem("unread", "1");
    this.state.set({ unread: true });
  }

  #read(): void {
    this.#kept.removeItem("unread");
    if (this.state.getState().unread) this.state.set({ unread: false });
  }

  /** One visitor has one conversation with a bot, in however many tabs: what one tab begins the others show. */
  #otherTab(event: StorageEvent): void {
    const key = this.#kept.keyOf(event);
    if (key === "unread") this.state.set({ unread: event.newValue !== null });
    const { chat } = this.state.getState();
    if (key !== "session" || chat === null || event.newValue === chat.store.getState().id) return;
    if (event.newValue === null) chat.startNew();
    else void chat.open(event.newValue);
  }

  #knownBot(): VisitState["bot"] {
    try {
      const bot = JSON.parse(this.#kept.getItem("bot") ?? "null") as VisitState["bot"];
      return typeof bot?.title === "string" && typeof bot.greeting === "string" ? bot : null;
    } catch {
      return null;
    }
  }

  async #meetBot(api: Api): Promise<void> {
    const { server, bot: name } = this.#options;
    try {
      const { bots, default: usual } = await api.bots();
      const bot = bots.find((it) => it.name === (name ?? usual));
      if (bot === undefined) {
        this.state.set({ bot: {} });
        console.warn(`antiphon-chat: ${server} has no bot "${name ?? usual}". It has: ${bots.map((it) => it.name).join(", ")}.`);
        return;
      }
      const known = { title: bot.title, greeting: bot.greeting };
      this.#kept.setItem("bot", JSON.stringify(known));
      this.state.set({ bot: known });
    } catch {
      this.state.set({ bot: this.state.getState().bot ?? {} });
      console.warn(
        `antiphon-chat: ${server} does not answer this page. If it runs, add ${location.origin} to its ` +
          "ANTIPHON_ALLOWED_ORIGINS, and its address to connect-src of this page's Content-Security-Policy.",
      );
    }
  }

  #greetSoon(): void {
    if (this.#kept.getItem("greeted") !== null || this.#kept.getItem("session") !== null) return;
    this.#greeting = setTimeout(() => {
      this.#kept.setItem("greeted", "1");
      this.state.set({ greeted: true });
    }, GREETING_DELAY_MS);
  }
}

const joined = (texts: readonly string[]): string => texts.join("\n\n");

/** What the server refused, in the order in which it was said. */
function unsentOf({ messages }: SessionState): ChatMessage[] {
  return [...messages.values()].filter(({ role, status }) => role === "user" && status === "unsent");
}

function visitorKey(shelf: Shelf): string {
  const known = shelf.getItem("key");
  if (known !== null && known !== "") return known;
  const key = newKey();
  shelf.setItem("key", key);
  return key;
}
