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
  /** What of it is in the page. */
  readonly element: AntiphonChat;
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

/** Sets the element's attributes to those of the script; what that does not name stays as it is. */
function follow(script: HTMLScriptElement, element: AntiphonChat): void {
  element.setAttribute("server", new URL(".", script.src).href);
  for (const name of ATTRIBUTES) {
    const value = script.getAttribute(`data-${name}`);
    if (value !== null) element.setAttribute(name, value);
  }
}

/** Runs the action once there is a body. */
function withBody(action: () => void): void {
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", action, { once: true });
  else action();
}

/** Puts the chat back where a page's body was exchanged for another's, and its script run again (Turbo, pjax, htmx). */
function putBack(element: AntiphonChat, script: HTMLScriptElement | null): void {
  if (element.isConnected) return;
  // A body that was kept for the way back holds a copy of the chat as it was.
  for (const other of document.querySelectorAll(TAG)) if (other.isEqualNode(element)) other.remove();
  if (script !== null) follow(script, element);
  document.body.append(element);
}

function start(): void {
  const script = ownScript();
  const known = window.Antiphon;
  // A page that loads the script twice has one chat.
  if (known !== undefined) {
    withBody(() => window.Antiphon === known && putBack(known.element, script));
    return;
  }
  if (script === null) {
    console.warn(`${TAG}: the script does not find its own <script src="…/widget.js"> element, and so not its server.`);
    return;
  }
  define();
  const element = document.createElement(TAG);
  follow(script, element);
  const handle: Handle = {
    element,
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
  withBody(() => {
    // It may have been taken off before.
    if (window.Antiphon !== handle) return;
    document.body.append(element);
    document.dispatchEvent(new CustomEvent("antiphon:ready"));
  });
}

start();
