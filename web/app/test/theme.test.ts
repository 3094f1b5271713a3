import { afterEach, expect, it, vi } from "vitest";

afterEach(() => {
  localStorage.clear();
  delete document.documentElement.dataset["theme"];
  vi.resetModules();
});

const theme = () => document.documentElement.dataset["theme"];

it.each(["light", "dark"] as const)("has %s, once chosen, before the page's module runs", async (chosen) => {
  const { prefer } = await import("../src/shared/preferences.js");
  prefer({ theme: chosen });
  await import("../src/app/early_theme.js");
  expect(theme()).toBe(chosen);
});

it.each(["{", '{"theme":"plaid"}', "null", ""])("leaves the system's theme where %j is kept", async (kept) => {
  localStorage.setItem("antiphon.preferences", kept);
  await import("../src/app/early_theme.js");
  expect(theme()).toBeUndefined();
});

it("follows the choice, and colours the browser's bars", async () => {
  const [bar, style] = [document.createElement("meta"), document.createElement("style")];
  [bar.name, bar.content, style.textContent] = ["theme-color", "#f3efe6", ':root[data-theme="dark"] { --rail: #141210; }'];
  document.head.append(bar, style);
  const { prefer } = await import("../src/shared/preferences.js");
  const { startTheme } = await import("../src/shared/theme.js");
  startTheme();
  prefer({ theme: "dark" });
  expect([theme(), bar.content]).toEqual(["dark", "#141210"]);
  prefer({ theme: "system" });
  expect([theme(), bar.content]).toEqual([undefined, "#f3efe6"]);
});
