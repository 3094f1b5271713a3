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
