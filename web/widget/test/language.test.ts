import { describe, expect, it } from "vitest";
import { chooseLanguage, directionOf, errorText, supported, textsIn, type Language, type Texts } from "../src/language.js";

const ALL: Language[] = ["en", "fr", "de", "es", "ja", "ar"];

function keysOf(value: object, before = ""): string[] {
  return Object.entries(value).flatMap(([key, it]) => (typeof it === "string" ? [before + key] : keysOf(it as object, `${before}${key}.`)));
}

describe("chooseLanguage", () => {
  it.each([
    [["fr-CA", "en"], "fr"], [["pt", "de"], "de"], [["pt-BR"], "en"], [[null, "JA"], "ja"], [[], "en"], [["ar_EG"], "ar"], [["constructor", "es"], "es"],
  ] as [(string | null)[], Language][])("takes from %j the language %s", (tags, language) => {
    expect(chooseLanguage(tags)).toBe(language);
  });

  it("knows what it does not know", () => {
    expect(supported("pt")).toBeNull();
    expect(supported("")).toBeNull();
  });
});

describe("texts", () => {
  it.each(ALL)("are all there in %s", (language) => {
    expect(keysOf(textsIn(language)).sort()).toEqual(keysOf(textsIn("en")).sort());
    for (const key of keysOf(textsIn(language))) {
      const text = key.split(".").reduce<unknown>((it, part) => (it as Record<string, unknown>)[part], textsIn(language));
      expect(text, key).toMatch(/\S/);
    }
  });

  it("run the way the language does", () => {
    expect(ALL.filter((it) => directionOf(it) === "rtl")).toEqual(["ar"]);
  });

  it("name errors that are known", () => {
    const texts: Texts = textsIn("en");
    expect(errorText(texts, "too_large", "else")).toBe(texts.errors.too_large);
    expect(errorText(texts, "toString", "else")).toBe("else");
  });
});
