import type { AntiphonChat } from "./element.js";
import type { Events } from "./events.js";
import { ATTRIBUTES } from "./options.js";
import { TAG, define } from "./element.js";

/** What the script adds to the page: `window.Antiphon`. */
interface Handle {
  open(): void;
  close(): void;
  toggle(): void;
  /** Takes the chat and `window.Antiphon` off the page. */
  destroy(): void;
  on<N extends keyof Events>(event: N, handler: (detail: Events[N]) => void): () => void;
  send(text: string): boolean;
}

declare global {
  interface Window {
    Antiphon?: Handle;
  }
}

/** The script's own element. Tag managers run scripts without one: then the first whose file has the same name. */
function ownScript(): HTMLScriptElement | null {
  const { currentScript } = document;
  if (currentScript instanceof HTMLScriptElement && currentScript.src !== "") return currentScript;
  return [...document.scripts].find((it) => /\/widget\.js(?:[?#]|$)/.test(it.src)) ?? null;
}

function elementFor(script: HTMLScriptElement): AntiphonChat {
  const element = document.createElement(TAG);
  element.setAttribute("server", new URL(".", script.src).href);
  for (const name of ATTRIBUTES) {
    const value = script.getAttribute(`data-${name}`);
    if (value !== null) element.setAttribute(name, value);
  }
  return element;
}

/** Puts the chat on the page once there is a body, unless it was taken off before. */
function place(element: AntiphonChat, wanted: () => boolean): void {
  if (document.readyState === "loading") {
    document.addEventListener("DOMContentLoaded", () => place(element, wanted), { once: true });
  } else if (wanted()) {
    document.body.append(element);
    document.dispatchEvent(new CustomEvent("antiphon:ready"));
  }
}

function start(): void {
  // A page that loads the script twice has one chat.
  if (window.Antiphon !== undefined) return;
  const script = ownScript();
  if (script === null) {
    console.warn(`${TAG}: the script does not find its own <script src="…/widget.js"> element, and so not its server.`);
    return;
  }
  define();
  const element = elementFor(script);
  const handle: Handle = {
    open: () => element.open(),
    close: () => element.close(),
    toggle: () => element.toggle(),
    send: (text) => element.send(text),
    on: (event, handler) => element.on(event, handler),
    destroy: () => {
      element.destroy();
      delete window.Antiphon;
    },
  };
  window.Antiphon = handle;
  place(element, () => window.Antiphon === handle);
}

start();
