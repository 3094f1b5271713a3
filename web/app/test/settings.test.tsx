import { act } from "react";
import { createRoot } from "react-dom/client";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { About } from "../src/features/settings/About.js";
import { addressOf, probe } from "../src/features/settings/probe.js";
import { apiOf } from "../src/shared/api.js";

vi.mock("../src/shared/server.js", () => ({ useServer: () => ({ server: { url: "" }, settings: null }) }));

const OTHER = "https://chat.other.example";
const asked = vi.fn<(url: string, init: RequestInit) => Promise<Response>>();
/** Who asked, as the server sees it, and whether cookies went along. */
const asker = (call: number) => {
  const { headers, credentials } = asked.mock.calls[call]?.[1] ?? {};
  return [(headers as Record<string, string>)["Authorization"] ?? null, credentials];
};

beforeEach(() => {
  localStorage.clear();
  asked.mockReset();
  asked.mockImplementation(() => Promise.resolve(Response.json({})));
  vi.stubGlobal("fetch", asked);
});
afterEach(() => vi.unstubAllGlobals());

describe("a reader", () => {
  it("is known to the page's own server by its cookie", async () => {
    await apiOf("").bots();
    expect(asker(0)).toEqual([null, "same-origin"]);
  });

  it("is the same to another server whenever it is asked, and another to each", async () => {
    for (const server of [OTHER, OTHER, "https://third.example"]) await apiOf(server).bots();
    const [[first, cookies], [again], [third]] = [asker(0), asker(1), asker(2)] as [string[], string[], string[]];
    expect([first, cookies]).toEqual([expect.stringMatching(/^Bearer reader-[\da-f]{64}$/), "omit"]);
    expect([again === first, third === first]).toEqual([true, false]);
    expect(localStorage.getItem(`antiphon.reader@${OTHER}`)).toBe(first?.replace("Bearer ", ""));
  });

  it("is the same as long as the page is open where the browser keeps nothing", async () => {
    vi.stubGlobal("localStorage", undefined);
    for (const server of ["https://fourth.example", "https://fourth.example"]) await apiOf(server).bots();
    expect(asker(1)).toEqual(asker(0));
  });
});

describe("an address", () => {
  it("is taken for a server's that allows pages of any origin: no cookies are sent there", async () => {
    asked.mockImplementation((_url, { credentials }) => (credentials === "omit" ? Promise.resolve(Response.json({ service: "antiphon" })) : Promise.reject(new TypeError("CORS"))));
    expect(await probe(OTHER)).toEqual({ kind: "antiphon" });
  });

  it("is what was meant, without the slash at its end", () => {
    expect([addressOf(" https://chat.example/x/ "), addressOf("two words")]).toEqual(["https://chat.example/x", null]);
  });
});

it("what this browser keeps is forgotten, drafts too, and nothing else", () => {
  vi.stubGlobal("IS_REACT_ACT_ENVIRONMENT", true);
  const written = ["draft.a", "draft.new", "edit.a"].map((name) => `antiphon.${name}`);
  for (const name of [...written, "antiphon.deletions", "draft.of another program"]) localStorage.setItem(name, "text");
  const place = document.createElement("div");
  const root = createRoot(place);
  act(() => root.render(<About onClose={() => undefined} />));
  act(() => place.querySelector("button")?.click());
  act(() => root.unmount());
  expect(Object.keys(localStorage).sort()).toEqual(["antiphon.deletions", "draft.of another program"]);
});
