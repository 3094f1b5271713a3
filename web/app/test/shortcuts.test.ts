import { expect, it } from "vitest";
import { commandOf, type Typing } from "../src/app/useShellKeys.js";

function press(keys: string, typing: Typing = "nowhere", single = true): string | null {
  const parts = keys.split(" ");
  const has = (name: string) => parts.includes(name);
  return commandOf({ key: parts.at(-1) ?? "", ctrlKey: has("Ctrl"), metaKey: has("Cmd"), shiftKey: has("Shift"), altKey: has("Alt") }, typing, single);
}

it("keys with Ctrl or Cmd work everywhere", () => {
  for (const typing of ["nowhere", "empty", "text"] as const) {
    expect([press("Ctrl k", typing), press("Cmd k", typing)]).toEqual(["search", "search"]);
    expect([press("Ctrl Shift O", typing), press("Cmd Shift S", typing)]).toEqual(["new", "sidebar"]);
  }
});

it("single characters are shortcuts only outside of fields, and can be switched off", () => {
  expect([press("/"), press("Shift ?")]).toEqual(["composer", "help"]);
  for (const typing of ["empty", "text"] as const) expect([press("/", typing), press("Shift ?", typing)]).toEqual([null, null]);
  expect([press("/", "nowhere", false), press("Shift ?", "nowhere", false)]).toEqual([null, null]);
  expect(press("Ctrl k", "text", false)).toBe("search");
});

it("Alt and arrows are left to texts and choices", () => {
  expect([press("Alt ArrowUp"), press("Alt ArrowDown", "empty"), press("Alt ArrowDown", "text")]).toEqual(["previous", "next", null]);
});

it("what belongs to the browser stays its own", () => {
  for (const keys of ["Ctrl o", "Ctrl s", "Ctrl Shift K", "Ctrl Alt k", "Alt Shift ArrowUp", "ArrowUp", "Alt /", "Ctrl /", "k"]) expect(press(keys), keys).toBeNull();
});

it("Ctrl and Z undoes a deletion outside of fields, which have their own", () => {
  expect([press("Ctrl z"), press("Cmd z"), press("Ctrl Shift Z")]).toEqual(["undo", "undo", null]);
  expect([press("Ctrl z", "empty"), press("Ctrl z", "text")]).toEqual([null, null]);
});
