import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ATTRIBUTES, BOUNDS, LONGEST_TEXT, MOST_SUGGESTIONS, readOptions, type Attribute, type Options } from "../src/options.js";

const HOME = "https://shop.example";
let warnings: string[];

function read(attributes: Partial<Record<Attribute, string>>): Options {
  return readOptions((name) => attributes[name] ?? null, (name, value, wanted) => warnings.push(`${name}=${value}: ${wanted}`), HOME);
}

beforeEach(() => {
  warnings = [];
  const known: Record<string, RegExp> = { "color": /^(#[\da-f]{3,8}|[a-z]+|rgb\(.*\))$/, "font-family": /^[^;{}]+$/ };
  vi.stubGlobal("CSS", { supports: (property: string, value: string) => known[property]?.test(value) ?? false });
});
afterEach(() => vi.unstubAllGlobals());

describe("readOptions", () => {
  it("has a default for everything", () => {
    expect(read({})).toEqual({
      bot: null, server: HOME, title: null, greeting: null, launcherLabel: null, position: "end", theme: "auto", accent: null,
      accentText: null, font: null, radius: 16, width: 400, height: 640, zIndex: 2147483000, language: null, open: false, suggestions: [],
    });
    expect(warnings).toEqual([]);
  });

  it("reads all attributes", () => {
    const all = {
      "bot": " sizebot ", "server": "https://chat.example/x/", "title": "Help", "greeting": "Hi", "launcher-label": "Chat",
      "position": "START", "theme": "dark", "accent": "#0b6e4f", "accent-text": "white", "font": "inherit", "radius": "4px",
      "width": "360", "height": "500.5", "z-index": "7", "language": "de-AT", "open": "", "suggestions": "One | Two||",
    };
    expect(Object.keys(all).sort()).toEqual([...ATTRIBUTES].sort());
    expect(read(all)).toEqual({
      bot: "sizebot", server: "https://chat.example/x", title: "Help", greeting: "Hi", launcherLabel: "Chat", position: "start",
      theme: "dark", accent: "#0b6e4f", accentText: "white", font: "inherit", radius: 4, width: 360, height: 500.5, zIndex: 7,
      language: "de", open: true, suggestions: ["One", "Two"],
    });
    expect(warnings).toEqual([]);
  });

  it.each([
    ["position", "left"], ["theme", "blue"], ["accent", "not;a colour"], ["accent-text", "12"], ["font", "a;b"], ["radius", "33"],
    ["radius", "-1"], ["width", "279"], ["width", "100%"], ["height", "901"], ["height", "1e3"], ["z-index", "1.5"],
    ["z-index", "2147483648"], ["language", "pt"], ["open", "maybe"], ["server", "javascript:alert(1)"], ["server", "http://"],
    ["title", "x".repeat(LONGEST_TEXT + 1)],
  ] as [Attribute, string][])("says once what is wrong with %s=%s and takes the default", (name, value) => {
    expect(read({ [name]: value })).toEqual(read({}));
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain(`${name}=${value}`);
  });

  it.each(Object.entries(BOUNDS))("takes %s at its bounds", (name, [least, most]) => {
    read({ [name as Attribute]: String(least) });
    read({ [name as Attribute]: String(most) });
    expect(warnings).toEqual([]);
  });

});

describe("readOptions of lists and addresses", () => {
  it("keeps as many suggestions as there is room for", () => {
    const many = Array.from({ length: MOST_SUGGESTIONS + 1 }, (_, at) => `S${at}`);
    expect(read({ suggestions: many.join("|") }).suggestions).toEqual(many.slice(0, -1));
    expect(warnings).toHaveLength(1);
  });

  it("reads a server's address relative to the page", () => {
    expect(read({ server: "/chat/" }).server).toBe(new URL("/chat", document.baseURI).href);
  });
});
