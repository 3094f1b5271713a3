import { afterEach, expect, it, vi } from "vitest";

afterEach(() => {
  vi.unstubAllGlobals();
  vi.resetModules();
});

it("the list of sessions does without the other tabs where the browser refuses a channel to them", async () => {
  vi.stubGlobal("BroadcastChannel", function refused() {
    throw new DOMException("no", "SecurityError");
  });
  vi.resetModules();
  const { onOtherTabs, tellOtherTabs } = await import("../src/features/sessions/tabs.js");
  tellOtherTabs("");
  expect(onOtherTabs("", () => undefined)).toBeTypeOf("function");
});
