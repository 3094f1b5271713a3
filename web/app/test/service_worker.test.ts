import { afterEach, expect, it, vi } from "vitest";
import { registerServiceWorker } from "../src/shared/service_worker.js";

const failed = vi.fn();
afterEach(() => {
  vi.unstubAllEnvs();
  vi.unstubAllGlobals();
  process.off("unhandledRejection", failed);
});

it.each([
  ["gives nothing", () => Promise.resolve(undefined)],
  ["refuses", () => Promise.reject(new DOMException("no", "SecurityError"))],
])("the page works where a browser that blocks service workers %s", async (_how, register) => {
  process.on("unhandledRejection", failed);
  vi.stubEnv("PROD", true);
  const asked = vi.fn(register);
  vi.stubGlobal("navigator", { serviceWorker: { register: asked } });
  const offer = vi.fn();
  registerServiceWorker(offer);
  await new Promise((done) => setTimeout(done, 20));
  expect([asked.mock.calls.length, offer.mock.calls.length, failed.mock.calls.length]).toEqual([1, 0, 0]);
});

it("offers a new version that the browser had found before the page asked", async () => {
  vi.stubEnv("PROD", true);
  const installing = Object.assign(new EventTarget(), { state: "installing" });
  const registration = Object.assign(new EventTarget(), { installing, waiting: null, update: () => Promise.resolve() });
  const container = Object.assign(new EventTarget(), { register: () => Promise.resolve(registration), controller: {}, ready: Promise.resolve({ active: null }) });
  vi.stubGlobal("navigator", { serviceWorker: container });
  const offer = vi.fn();
  registerServiceWorker(offer);
  await new Promise((done) => setTimeout(done, 20));
  expect(offer).not.toHaveBeenCalled();
  installing.state = "installed";
  installing.dispatchEvent(new Event("statechange"));
  expect(offer).toHaveBeenCalledOnce();
});
