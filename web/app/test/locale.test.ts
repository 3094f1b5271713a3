import { expect, it } from "vitest";
import { localeOf } from "../src/shared/i18n.js";

const at = Date.UTC(2026, 2, 4, 15, 30);
const written = (locale: string) => new Intl.DateTimeFormat(locale, { dateStyle: "short", timeStyle: "short", timeZone: "UTC" }).format(at);

it("dates are as the browser writes the shown language, with its country", () => {
  expect(written(localeOf("en", ["en-GB", "en"]))).toMatch(/^04\/03\/2026.*15:30$/);
  expect(written(localeOf("en", ["en-US"]))).toMatch(/^3\/4\/26.*3:30/);
});

it.each([
  ["another language than the browser's is as it is", "ja", ["en-GB"], "ja"],
  ["the first of the browser's that is of the language", "fr", ["en-GB", "fr-CA", "fr-FR"], "fr-CA"],
  ["a language of which the name only begins alike", "de", ["den-CA"], "de"],
  ["a tag that Intl does not know", "en", ["en-US@posix", "en_US"], "en"],
])("%s", (_name, language, browsers, expected) => expect(localeOf(language, browsers)).toBe(expected));
