import type { ChatMessage, Versions } from "../session_state.js";

/** Where a message that the server has not numbered yet stands: after all that it has. */
const UNNUMBERED = 2 ** 40;

/** The messages of a session and how they follow each other: a message that was edited or answered again has versions. */
export class MessageTree {
  private nodes = new Map<string, ChatMessage>();
  private readonly order = new Map<string, number>();
  private readonly children = new Map<string | null, string[]>();
  /** Ids that messages had before the server's were known: whoever holds one may go on using it. */
  private readonly former = new Map<string, string>();
  private unnumbered = UNNUMBERED;
  private shared = false;
  private leaf: string | null = null;
  private shown: readonly string[] = [];
  private relinked = false;

  /** All messages by id. What was returned does not change any more. */
  get messages(): ReadonlyMap<string, ChatMessage> {
    this.shared = true;
    return this.nodes;
  }

  get size(): number {
    return this.nodes.size;
  }

  /** The ids on the branch shown, oldest first; the same array for as long as it is the same branch. */
  get path(): readonly string[] {
    if (this.relinked) {
      this.relinked = false;
      const path = this.pathTo(this.leaf);
      if (path.length !== this.shown.length || path.some((id, at) => id !== this.shown[at])) this.shown = path;
    }
    return this.shown;
  }

  /** The messages of the branch shown from its end on. */
  *fromEnd(): Generator<ChatMessage> {
    const path = this.path;
    for (let at = path.length - 1; at >= 0; at--) {
      const message = this.get(path[at]);
      if (message) yield message;
    }
  }

  /** The last message of the branch shown. */
  get end(): ChatMessage | undefined {
    return this.get(this.path.at(-1));
  }

  get(id: string | null | undefined): ChatMessage | undefined {
    return id == null ? undefined : (this.nodes.get(id) ?? this.nodes.get(this.former.get(id) ?? ""));
  }

  has(id: string): boolean {
    return this.nodes.has(id);
  }

  /** Add a message, or put this one in the place of the one with its id. `order`: its number in the session. */
  put(message: ChatMessage, order?: number): void {
    const before = this.nodes.get(message.id);
    const place = order ?? this.order.get(message.id) ?? this.unnumbered++;
    const moved = before?.parentId !== message.parentId || place !== this.order.get(message.id);
    if (before && moved) this.unlink(before);
    this.own().set(message.id, message);
    this.order.set(message.id, place);
    if (!before || moved) this.link(message, place);
  }

  /** Take a message away. Where the branch shown ended with it, it ends with the one before. */
  remove(id: string): void {
    const message = this.nodes.get(id);
    if (!message) return;
    if (this.leaf === id) this.leaf = message.parentId;
    this.unlink(message);
    this.own().delete(id);
    this.order.delete(id);
  }

  /**
   * Give a message the server's id and number. Where the server's one is here already the two become one, with
   * the key of the one that was shown.
   */
  rename(from: string, to: string, order: number): void {
    const message = this.nodes.get(from);
    if (!message || from === to) return;
    const stored = this.nodes.get(to);
    const isLeaf = this.leaf === from;
    const following = this.childrenOf(from).flatMap((id) => this.get(id) ?? []);
    this.remove(from);
    this.former.set(from, to);
    this.put({ ...(stored ?? message), id: to, key: message.key }, order);
    if (isLeaf) this.leaf = to;
    for (const child of following) this.put({ ...child, parentId: to });
  }

  /** The messages that follow one (null: the beginnings), oldest first. */
  childrenOf(id: string | null): readonly string[] {
    return this.children.get(id) ?? [];
  }

  versions(id: string): Versions {
    const message = this.get(id);
    if (!message) return { ids: [], at: -1 };
    const ids = this.childrenOf(message.parentId).filter((other) => this.get(other)?.role === message.role);
    return { ids, at: ids.indexOf(message.id) };
  }

  /** Show the branch of a message, down to the newest that follows it. */
  show(id: string): void {
    let leaf = this.get(id)?.id ?? null;
    for (let next = leaf; next !== null; next = this.childrenOf(next).at(-1) ?? null) leaf = next;
    if (leaf !== null) this.endAt(leaf);
  }

  /** Show the branch that ends with this message; null: none. */
  endAt(id: string | null): void {
    this.leaf = id === null ? null : (this.get(id)?.id ?? null);
    this.relinked = true;
  }

  /** The message with the highest number. */
  newest(): string | null {
    let newest: string | null = null;
    for (const [id, order] of this.order) if (newest === null || order > (this.order.get(newest) ?? 0)) newest = id;
    return newest;
  }

  /** A message's number in the session, null while the server has not numbered it. */
  orderOf(id: string): number | null {
    const order = this.order.get(id);
    return order === undefined || order >= UNNUMBERED ? null : order;
  }

  private own(): Map<string, ChatMessage> {
    if (this.shared) {
      this.nodes = new Map(this.nodes);
      this.shared = false;
    }
    return this.nodes;
  }

  private pathTo(leaf: string | null): string[] {
    const path: string[] = [];
    // The bound is for parents that go round in a circle, which no server sends and none may hang a page with.
    for (let at = this.get(leaf); at && path.length < this.nodes.size; at = this.get(at.parentId)) path.push(at.id);
    return path.reverse();
  }

  private link(message: ChatMessage, place: number): void {
    const siblings = this.children.get(message.parentId) ?? [];
    let at = siblings.length;
    while (at > 0 && (this.order.get(siblings[at - 1] ?? "") ?? 0) > place) at--;
    siblings.splice(at, 0, message.id);
    this.children.set(message.parentId, siblings);
    this.relinked = true;
  }

  private unlink(message: ChatMessage): void {
    const siblings = this.childrenOf(message.parentId).filter((id) => id !== message.id);
    if (siblings.length) this.children.set(message.parentId, siblings);
    else this.children.delete(message.parentId);
    this.relinked = true;
  }
}
