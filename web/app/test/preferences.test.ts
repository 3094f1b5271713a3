import { afterEach, expect, it, vi } from "vitest";

afterEach(() => {
  localStorage.clear();
  vi.resetModules();
  vi.restoreAllMocks();
});

const load = () => import("../src/shared/preferences.js");

it("keeps what was chosen", async () => {
  (await load()).prefer({ enterSends: false, language: "ja" });
  vi.resetModules();
  expect((await load()).preferences.getState()).toMatchObject({ enterSends: false, language: "ja", theme: "system" });
});

it("takes nothing over that is not what it should be", async () => {
  localStorage.setItem("antiphon.preferences", JSON.stringify({ theme: 7, enterSends: "yes", voice: "x", toString: 1 }));
  const kept = (await load()).preferences.getState();
  expect(kept).toMatchObject({ theme: "system", enterSends: true, voice: "x" });
  expect(Object.hasOwn(kept, "toString")).toBe(false);
});

it("works where storage is switched off", async () => {
  vi.spyOn(Storage.prototype, "getItem").mockImplementation(() => {
    throw new DOMException("no", "SecurityError");
  });
  vi.spyOn(Storage.prototype, "setItem").mockImplementation(() => {
    throw new DOMException("no", "SecurityError");
  });
  const { prefer, preferences } = await load();
  prefer({ theme: "dark" });
  expect(preferences.getState().theme).toBe("dark");
});

it("follows what another tab chose", async () => {
  const { followOtherTabs, preferences } = await load();
  followOtherTabs();
  localStorage.setItem("antiphon.preferences", JSON.stringify({ theme: "light" }));
  dispatchEvent(Object.assign(new Event("storage"), { key: "antiphon.preferences" }));
  expect(preferences.getState().theme).toBe("light");
});
