import { expect, test } from "vitest";
import { languageOf, LONGEST_PIECE, piecesOf } from "../src/features/conversation/speech/pieces.js";

const letters = (text: string): string => text.replace(/\s/g, "");

test.each([
  ["short sentences", "One sentence. Another one! A third? ".repeat(40), "en"],
  ["a sentence without an end", "word ".repeat(500), "en"],
  ["a word without an end", "x".repeat(1000), "en"],
  ["Japanese", "これは文です。もう一つの文です。".repeat(40), "ja"],
])("No piece is too long to be said in one go, and nothing is left out: %s", (_name, text, language) => {
  const pieces = piecesOf(text, language);
  expect(Math.max(...pieces.map((piece) => piece.length))).toBeLessThanOrEqual(LONGEST_PIECE);
  expect(letters(pieces.join(""))).toBe(letters(text));
});

test("Sentences stay whole where they fit", () => {
  for (const piece of piecesOf("A sentence of some words here. ".repeat(30), "en")) expect(piece.endsWith(".")).toBe(true);
});

test("Nothing to say is no piece", () => expect(piecesOf(" \n ", "en")).toEqual([]));

test.each([
  ["The script tells", "Привет, как дела?", "en", "ru"],
  ["Kana tell Japanese from Chinese", "東京都の人口は何人ですか", "en", "ja"],
  ["Han alone is Chinese", "东京的人口是多少", "ja", "zh"],
  ["Arabic", "مرحبا بكم", "de", "ar"],
  ["Latin letters: the chosen language", "Guten Tag", "de", "de"],
  ["A language as a country writes it", "Grüß Gott", "de-AT", "de"],
  ["Latin letters under a language of other letters", "Hello there", "ja", "en"],
  ["A foreign word changes nothing", "The word привет is Russian", "en", "en"],
  ["No letters", "123", "fr", "fr"],
])("%s", (_name, text, chosen, expected) => expect(languageOf(text, chosen)).toBe(expected));
