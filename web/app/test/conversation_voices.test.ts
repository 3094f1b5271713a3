import { Api } from "@antiphon/client";
import { act, createElement } from "react";
import { createRoot } from "react-dom/client";
import { beforeEach, expect, test, vi } from "vitest";
import { createStore } from "zustand/vanilla";
import { lastVoices, NOBODY, useVoices } from "../src/features/conversation/voices.js";

const bots = [{ name: "sizebot", title: "SizeBot", greeting: "Hello", model: "builtin/sizebot" }];
const models = [{ id: "demo/a", provider: "demo", context_tokens: null }];
const unavailable = [{ provider: "away", code: "provider_unreachable", detail: "" }];
const told = vi.fn<() => Promise<unknown>>();
const api = { base: "", bots: told, models: () => Promise.resolve({ models, unavailable }) } as unknown as Api;
const connection = { store: createStore(() => ({ status: "connected" })), pause: () => new Promise(() => undefined) };
vi.mock("../src/shared/server.js", () => ({ useServer: () => ({ api, connection }) }));

const seen: string[] = [];
function Probe(): null {
  seen.push(useVoices().bots.map(({ title }) => title).join());
  return null;
}
async function show(): Promise<void> {
  const root = createRoot(document.createElement("div"));
  await act(async () => {
    root.render(createElement(Probe));
    await Promise.resolve();
  });
  act(() => root.unmount());
}

beforeEach(() => {
  vi.stubGlobal("IS_REACT_ACT_ENVIRONMENT", true);
  localStorage.clear();
  seen.length = 0;
  told.mockReset().mockResolvedValue({ bots, default: "sizebot" });
});

test("Who can answer is known at once the next time, before the server tells", async () => {
  await show();
  expect(seen[0]).toBe("");
  expect(seen.at(-1)).toBe("SizeBot");
  told.mockReturnValue(new Promise(() => undefined));
  seen.length = 0;
  await show();
  expect(seen[0]).toBe("SizeBot");
});

test("What could not be reached then may be reached now", async () => {
  await show();
  expect(lastVoices(api)).toEqual({ bots, models, unavailable: [], usual: "sizebot" });
});

test("Another server's are its own", async () => {
  await show();
  expect(lastVoices(new Api({ base: "https://other.example" }))).toEqual(NOBODY);
});

test.each(["", "{", "null", "[]", '{"usual":"a"}', '{"usual":"a","bots":[1],"models":[]}', '{"usual":"a","bots":[],"models":[{"id":"x"}]}'])("What is kept and cannot be used is nobody: %s", (kept) => {
  localStorage.setItem("antiphon.voices.", kept);
  expect(lastVoices(api)).toEqual(NOBODY);
});

test("A list too long to be kept takes no place", async () => {
  await show();
  told.mockResolvedValue({ bots: Array.from({ length: 3000 }, (_, k) => ({ ...bots[0], name: `bot${k}` })), default: "bot0" });
  await show();
  expect(lastVoices(api)).toEqual(NOBODY);
});
