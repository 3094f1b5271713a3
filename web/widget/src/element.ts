import { h, render } from "preact";
import type { Events, View } from "./events.js";
import { chooseLanguage, directionOf, textsIn } from "./language.js";
import { ATTRIBUTES, readOptions, type Options } from "./options.js";
import { paletteOf, resolveColour, type Theme } from "./palette.js";
import { styleSheets } from "./styles.js";
import { FULL_SCREEN, Widget } from "./ui/widget.js";
import { Visit } from "./visit.js";

/** The element's name in a page. */
export const TAG = "antiphon-chat";

// On a server there are no elements; the module can be imported there all the same.
const Base = (globalThis as { HTMLElement?: typeof HTMLElement }).HTMLElement ?? (Object as unknown as typeof HTMLElement);

declare global {
  interface HTMLElementTagNameMap {
    "antiphon-chat": AntiphonChat;
  }
}

/** `<antiphon-chat>`: a chat in the corner of a page. Attributes: see {@link ATTRIBUTES}; they may change at any time. */
export class AntiphonChat extends Base {
  static readonly observedAttributes: readonly string[] = ATTRIBUTES;

  #visit: Visit | null = null;
  #visitOf = "";
  #mount: HTMLElement | null = null;
  #probe: HTMLElement | null = null;
  #themed: CSSStyleSheet | null = null;
  #due = false;
  /** What was asked for before the element was on the page. */
  readonly #later: ((visit: Visit) => void)[] = [];
  readonly #warned = new Set<string>();
  readonly #darkness = matchMedia("(prefers-color-scheme: dark)");

  connectedCallback(): void {
    if (this.shadowRoot === null) this.#build();
    this.#darkness.addEventListener("change", this.#draw);
    this.#draw();
  }

  disconnectedCallback(): void {
    // An element that is moved is taken out and put in at once.
    queueMicrotask(() => {
      if (!this.isConnected) this.#leave();
    });
  }

  attributeChangedCallback(): void {
    if (!this.isConnected || this.#due) return;
    this.#due = true;
    queueMicrotask(() => {
      this.#due = false;
      if (this.isConnected) this.#draw();
    });
  }

  /** Opens the chat and puts the focus into its text field. */
  open(): void {
    this.#show("open");
  }

  /** Leaves only the chat's title in sight. */
  minimise(): void {
    this.#show("minimised");
  }

  /** Leaves only the launcher in sight. The conversation is kept, and a reply under way goes on. */
  close(): void {
    this.#show("closed");
  }

  /** Opens the chat, or minimises it if it is open. */
  toggle(): void {
    this.#show(this.view === "open" ? "minimised" : "open");
  }

  get view(): View {
    return this.#visit?.state.getState().view ?? "closed";
  }

  /** Opens the chat and sends a message. False, and nothing is sent: a reply is under way, or the text is empty. */
  send(text: string): boolean {
    if (text.trim() === "") return false;
    let sent = true;
    this.#do((visit) => {
      visit.show("open");
      sent = visit.send(text);
    });
    return sent;
  }

  /** Begins another conversation. */
  startNew(): void {
    this.#do((visit) => visit.startNew());
  }

  /** Calls the handler at each event of that name. Returns what ends it. */
  on<N extends keyof Events>(event: N, handler: (detail: Events[N]) => void): () => void {
    const listener = (it: Event) => handler((it as CustomEvent<Events[N]>).detail);
    this.addEventListener(`antiphon:${event}`, listener);
    return () => this.removeEventListener(`antiphon:${event}`, listener);
  }

  /** Takes the chat off the page. What it remembers stays; a reply under way goes on at the server. */
  destroy(): void {
    this.remove();
    this.#leave();
  }

  #show(view: View): void {
    this.#do((visit) => visit.show(view));
  }

  #do(action: (visit: Visit) => void): void {
    // Attributes may have been set just now.
    if (this.#due && this.isConnected) this.#draw();
    if (this.#visit === null) this.#later.push(action);
    else action(this.#visit);
  }

  #build(): void {
    const shadow = this.attachShadow({ mode: "open" });
    this.#themed = new CSSStyleSheet();
    this.#themed.replaceSync(".root {}");
    shadow.adoptedStyleSheets = [...styleSheets(), this.#themed];
    this.#probe = document.createElement("span");
    this.#probe.hidden = true;
    this.#mount = document.createElement("div");
    for (const type of ["keydown", "keypress", "keyup"]) shadow.addEventListener(type, keepTyping);
    shadow.append(this.#probe, this.#mount);
  }

  #leave(): void {
    this.#darkness.removeEventListener("change", this.#draw);
    if (this.#mount !== null) render(null, this.#mount);
    this.#visit?.destroy();
    this.#visit = null;
  }

  readonly #draw = (): void => {
    if (this.#mount === null) return;
    const options = readOptions((name) => this.getAttribute(name), this.#warn, location.origin);
    const theme = options.theme === "auto" ? (this.#darkness.matches ? "dark" : "light") : options.theme;
    const language = options.language ?? chooseLanguage([document.documentElement.lang || null, ...navigator.languages]);
    this.#dress(options, theme);
    const visit = this.#visitFor(options);
    const position = this.#position(options, directionOf(language));
    render(h(Widget, { visit, options: { ...options, position }, theme, language, texts: textsIn(language), key: this.#visitOf }), this.#mount);
    for (const action of this.#later.splice(0)) action(visit);
  };

  #visitFor(options: Options): Visit {
    const wanted = JSON.stringify([options.server, options.bot]);
    if (this.#visit !== null && wanted === this.#visitOf) return this.#visit;
    this.#visit?.destroy();
    this.#visitOf = wanted;
    this.#visit = new Visit({
      server: options.server,
      bot: options.bot,
      open: options.open,
      covering: matchMedia(FULL_SCREEN).matches,
      emit: (name, detail) => this.dispatchEvent(new CustomEvent(`antiphon:${name}`, { detail, bubbles: true, composed: true })),
    });
    return this.#visit;
  }

  /** Gives the style sheet the options' values. Through the object model: no value can break out of its property. */
  #dress(options: Options, theme: Theme): void {
    const rule = this.#themed?.cssRules[0];
    if (!(rule instanceof CSSStyleRule) || this.#probe === null) return;
    const accent = this.#colour("accent", options.accent);
    const palette = paletteOf(theme, accent, this.#colour("accent-text", options.accentText));
    const font = options.font === "inherit" ? getComputedStyle(document.body).fontFamily : options.font;
    const values: Record<string, string | null> = {
      "--fill": palette.fill,
      "--on-fill": palette.onFill,
      "--accent-ink": palette.ink,
      "--font": font,
      "--radius": `${options.radius}px`,
      "--width": `${options.width}px`,
      "--height": `${options.height}px`,
      "z-index": String(options.zIndex),
    };
    for (const [name, value] of Object.entries(values)) rule.style.setProperty(name, value);
  }

  /** Start and end are those of the page's lines; the widget's own may run the other way. */
  #position({ position }: Options, direction: "ltr" | "rtl"): Options["position"] {
    if (getComputedStyle(document.documentElement).direction === direction) return position;
    return position === "end" ? "start" : "end";
  }

  #colour(name: "accent" | "accent-text", value: string | null): ReturnType<typeof resolveColour> {
    if (this.#probe === null || value === null) return null;
    const found = resolveColour(this.#probe, value);
    if (found === null) this.#warn(name, value, "an opaque colour");
    return found;
  }

  readonly #warn = (name: string, value: string, wanted: string): void => {
    const key = `${name}=${value}`;
    if (this.#warned.has(key)) return;
    this.#warned.add(key);
    console.warn(`${TAG}: ${name}="${value}" is not used: give ${wanted}.`);
  };
}

/** Out there a key pressed in the text field seems to come from the element: the page would take it for a shortcut. */
function keepTyping(event: Event): void {
  if (event.target instanceof HTMLTextAreaElement) event.stopPropagation();
}

/** Makes the element known to the page; again does nothing, nor does it where another copy of the widget did. */
export function define(): void {
  if ("customElements" in globalThis && customElements.get(TAG) === undefined) customElements.define(TAG, AntiphonChat);
}
