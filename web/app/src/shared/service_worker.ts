import type { Order } from "../sw/orders.js";

/*
 * The service worker keeps the page itself at hand (sw/worker.ts). A new version waits until the last page of the
 * old one is closed, or until the reader asks for it: never in the middle of a reply.
 */
type Offer = (reload: () => void) => void;

/** Loads the page anew as soon as the new version serves it. */
function takeOver(worker: ServiceWorker): void {
  navigator.serviceWorker.addEventListener("controllerchange", () => location.reload(), { once: true });
  tell(worker, { type: "take over" });
}

function tell(worker: ServiceWorker, what: Order): void {
  worker.postMessage(what);
}

function watch(registration: ServiceWorkerRegistration, onUpdate: Offer): void {
  let offered = false;
  const offer = () => {
    if (offered) return;
    offered = true;
    // Decided when it is wanted: another page may have asked for the new version by then.
    onUpdate(() => (registration.waiting ? takeOver(registration.waiting) : location.reload()));
  };
  const look = (worker: ServiceWorker | null) => {
    // Without a controller it is the first version: it replaces nothing.
    if (worker?.state === "installed" && navigator.serviceWorker.controller) offer();
  };
  look(registration.waiting);
  const follow = (worker: ServiceWorker | null) => worker?.addEventListener("statechange", () => look(worker));
  // The browser may have found it before the page asked: then no event tells of it.
  follow(registration.installing);
  registration.addEventListener("updatefound", () => follow(registration.installing));
  // Another page asked for the new version: this one is of the old, whose files may be gone.
  let served = navigator.serviceWorker.controller !== null;
  navigator.serviceWorker.addEventListener("controllerchange", () => {
    if (served) offer();
    served = true;
  });
}

/** What was loaded before the worker was there has passed it by: name it, so that it is kept as well. */
async function keepLoaded(): Promise<void> {
  const { active } = await navigator.serviceWorker.ready;
  if (active) tell(active, { type: "keep", urls: performance.getEntriesByType("resource").map(({ name }) => name) });
}

/** How often a page that stays open looks for a new version, in milliseconds. */
const LOOK_EVERY = 60 * 60 * 1000;

/**
 * Makes the page open without a network. Call it once, after the first paint.
 * `onUpdate` is called when a new version is ready, with what starts it: that page is loaded anew, other pages that
 * are open get the same offer.
 */
export function registerServiceWorker(onUpdate: Offer): void {
  if (!import.meta.env.PROD || !("serviceWorker" in navigator)) return;
  navigator.serviceWorker.register("/sw.js", { updateViaCache: "none" }).then(
    // Chromium whose service workers a policy or a test driver blocks gives nothing at all, instead of refusing.
    (registration: ServiceWorkerRegistration | undefined) => {
      if (registration === undefined) return;
      watch(registration, onUpdate);
      setInterval(() => void registration.update().catch(() => undefined), LOOK_EVERY);
      return keepLoaded();
    },
    // A browser that forbids it (private windows, plain http) has a page that works while the server answers.
    () => undefined,
  );
}
