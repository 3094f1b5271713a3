import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { LANGUAGES, languageToShow } from "../src/shared/i18n.js";

type Texts = { [key: string]: string | string[] | Texts };
const PLURAL = /_(zero|one|two|few|many|other)$/;
/** Placeholders for a number that chooses the form, plain and as the language writes it. */
const NUMBERS = ["count", "number", "shown"];
const source = (path: string) => join(import.meta.dirname, "../src", path);
const read = (path: string) => readFileSync(source(path), "utf8");
const namespaces = readdirSync(source("locales/en"))
  .filter((name) => name.endsWith(".json"))
  .map((name) => name.replace(".json", ""));

function* flat(texts: Texts, before = ""): Generator<[key: string, text: string]> {
  for (const [key, value] of Object.entries(texts)) {
    if (typeof value === "string") yield [before + key, value];
    else if (Array.isArray(value)) yield [before + key, value.join("\n")];
    else yield* flat(value, `${before}${key}.`);
  }
}

const texts = (language: string, namespace: string) => new Map(flat(JSON.parse(read(`locales/${language}/${namespace}.json`)) as Texts));
const placeholders = (text: string) => [...new Set(text.match(/\{\{\s*[\w-]+/g))].map((found) => found.replace(/\W+/g, "")).sort();
const formsOf = (language: string) => new Intl.PluralRules(language).resolvedOptions().pluralCategories;

/** The keys a language must have for the English ones: those with a plural in each of its own forms. */
function expected(english: Map<string, string>, language: string): string[] {
  const keys = [...english.keys()].flatMap((key) => {
    if (!PLURAL.test(key)) return [key];
    // i18next has a form for none at all in every language.
    const forms = english.has(key.replace(PLURAL, "_zero")) ? ["zero", ...formsOf(language)] : formsOf(language);
    return forms.map((form) => key.replace(PLURAL, `_${form}`));
  });
  return [...new Set(keys)].sort();
}

function* sources(folder = ""): Generator<[path: string, code: string]> {
  for (const entry of readdirSync(source(folder), { withFileTypes: true })) {
    if (entry.isDirectory()) yield* sources(`${folder}${entry.name}/`);
    else if (/\.tsx?$/.test(entry.name)) yield [folder + entry.name, read(folder + entry.name)];
  }
}

/** The keys that a file asks for: `t("a.b")`, both of `t(x ? "a" : "b")`, and `a.*` for a key that is put together. */
function* asked(code: string): Generator<string> {
  for (const [, call] of code.matchAll(/(?<![\w.])t\(((?:[^()]|\([^()]*\))*)\)/g)) {
    const key = (call ?? "").split(/,\s*\{/)[0] ?? "";
    for (const [, text] of key.matchAll(/(?<![!=]== )"([\w.:]+)"(?! ?[!=]==)/g)) yield text ?? "";
    for (const [, text] of key.matchAll(/`([\w.:]+\.)\$\{/g)) yield `${text ?? ""}*`;
  }
}

describe.each(namespaces)("texts of %s", (namespace) => {
  const english = texts("en", namespace);

  it.each(Object.keys(LANGUAGES))("are whole in %s: the same keys, in the language's own plural forms", (language) => {
    expect([...texts(language, namespace).keys()].sort()).toEqual(expected(english, language));
  });

  it.each(Object.keys(LANGUAGES))("have something to say in %s, with the placeholders of the English ones", (language) => {
    const own = texts(language, namespace);
    const saysZero = (key: string) => own.has(key.replace(PLURAL, "_zero")) || new Intl.PluralRules(language).select(0) !== "one";
    for (const [key, text] of own) {
      const allowed = placeholders([...english].filter(([one]) => one.replace(PLURAL, "") === key.replace(PLURAL, "")).map(([, original]) => original).join());
      // A form that is used for a single number may spell it out.
      const spelled = /_(zero|two)$/.test(key) || (key.endsWith("_one") && saysZero(key));
      const needed = placeholders(english.get(key.replace(PLURAL, "_other")) ?? "").filter((name) => !(spelled && NUMBERS.includes(name)));
      expect(text.trim(), key).not.toBe("");
      expect(placeholders(text), key).toEqual(expect.arrayContaining(needed));
      expect(allowed, key).toEqual(expect.arrayContaining(placeholders(text)));
    }
  });
});

describe("keys in the code", () => {
  const known = new Set(namespaces.flatMap((namespace) => [...texts("en", namespace).keys()].flatMap((key) => [key, key.replace(PLURAL, "")].map((one) => `${namespace}:${one}`))));
  const isKnown = (key: string) => (key.endsWith("*") ? [...known].some((one) => one.startsWith(key.slice(0, -1))) : known.has(key));

  it.each([...sources()].filter(([, code]) => code.includes("useTranslation(")))("are in the texts: %s", (_path, code) => {
    const namespace = /useTranslation\(\[?"(\w+)"/.exec(code)?.[1] ?? "shell";
    expect([...asked(code)].map((key) => (key.includes(":") ? key : `${namespace}:${key}`)).filter((key) => !isKnown(key))).toEqual([]);
  });

  it("are found by this test", () => {
    expect([...asked('t("a.b"), t(x === "no" ? "c" : "d", { count, name: "e" }); it("f"); t(`shell:g.${h}`)')]).toEqual(["a.b", "c", "d", "shell:g.*"]);
    expect(isKnown("shell:sessions.found")).toBe(true);
    expect(isKnown("shell:sessions.lost")).toBe(false);
  });
});

describe("the language shown", () => {
  it("is the chosen one, else the browser's first that there are texts for, else English", () => {
    expect(languageToShow("ar", ["de"])).toBe("ar");
    expect(languageToShow(null, ["pt-BR", "fr-CA", "de"])).toBe("fr");
    expect(languageToShow(null, ["pt"])).toBe("en");
    expect(languageToShow("xx", ["es-419"])).toBe("es");
  });
});
