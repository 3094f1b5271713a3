import type { StoreApi } from "zustand/vanilla";
import { MessageTree } from "./messages/tree.js";
import { underWay } from "./messages/message.js";
import type { ChatMessage, SessionState } from "./session_state.js";

/** How often at most is published where nothing is drawn, in milliseconds. */
const UNSEEN_MS = 50;

export const EMPTY: SessionState = {
  id: null,
  title: "",
  phase: "new",
  stale: false,
  messages: new Map(),
  path: [],
  hasOlder: false,
  loadingOlder: false,
  running: null,
  stopping: false,
};

/**
 * The state of a session while it changes. Others see it as it is published: with the next frame that is drawn,
 * however many tokens came, or at once.
 */
export class SessionDraft {
  readonly tree = new MessageTree();
  title = "";
  phase: SessionState["phase"] = "loading";
  stale = false;
  hasOlder = false;
  loadingOlder = false;
  /** The ids of replies that were asked to stop. */
  readonly stopping = new Set<string>();
  /** Whether anybody sees it. If not it does not wait for frames: none may be drawn, and what is queued waits for it. */
  visible = true;
  /** Is called before publishing, to bring what waits into the tree. */
  gather: () => void = () => undefined;
  private closed = false;
  private cancel: (() => void) | null = null;

  constructor(
    readonly id: string,
    private readonly store: StoreApi<SessionState>,
  ) {}

  /** The reply under way on the branch shown: of several the first, which the others wait for. */
  get running(): ChatMessage | null {
    let running: ChatMessage | null = null;
    for (const message of this.tree.fromEnd()) {
      if (underWay(message)) running = message;
      else if (message.role === "assistant") break;
    }
    return running;
  }

  /** Something has changed: publish with the next frame. */
  changed(): void {
    if (this.cancel || this.closed) return;
    const publish = (): void => this.publish();
    if (this.visible && typeof requestAnimationFrame === "function" && document.visibilityState === "visible") {
      const frame = requestAnimationFrame(publish);
      this.cancel = () => cancelAnimationFrame(frame);
    } else {
      const timer = setTimeout(publish, UNSEEN_MS);
      this.cancel = () => clearTimeout(timer);
    }
  }

  /** Publish now. */
  publish(): void {
    this.cancel?.();
    this.cancel = null;
    if (this.closed) return;
    this.gather();
    const { id, title, phase, stale, hasOlder, loadingOlder, tree } = this;
    const running = this.running?.id ?? null;
    const stopping = running !== null && this.stopping.has(running);
    this.store.setState({ id, title, phase, stale, messages: tree.messages, path: tree.path, hasOlder, loadingOlder, running, stopping }, true);
  }

  close(): void {
    this.cancel?.();
    this.cancel = null;
    this.closed = true;
  }
}
