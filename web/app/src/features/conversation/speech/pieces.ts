/** Chromium falls silent in the midst of an utterance of more than about 15 seconds. */
export const LONGEST_PIECE = 180;

/** Text in pieces that can be said in one go: whole sentences where they fit, else words. */
export function piecesOf(text: string, language: string, longest = LONGEST_PIECE): string[] {
  const pieces: string[] = [];
  let piece = "";
  const end = (): void => {
    if (piece.trim() !== "") pieces.push(piece.trim());
    piece = "";
  };
  for (const sentence of sentencesOf(text, language)) {
    for (const part of sentence.length > longest ? wordsOf(sentence, longest) : [sentence]) {
      if (piece.length + part.length > longest) end();
      piece += part;
    }
    // A paragraph ends in a pause.
    if (sentence.endsWith("\n")) end();
  }
  end();
  return pieces;
}

function sentencesOf(text: string, language: string): string[] {
  if (typeof Intl.Segmenter === "function") {
    return Array.from(new Intl.Segmenter(language, { granularity: "sentence" }).segment(text), ({ segment }) => segment);
  }
  return text.match(/[^.!?。！？؟\n]+(?:[.!?。！？؟]+\s*|\n+|$)|\n+/g) ?? [];
}

function wordsOf(sentence: string, longest: number): string[] {
  const words = sentence.match(/\S+\s*/g) ?? [];
  return words.flatMap((word) => Array.from({ length: Math.ceil(word.length / longest) }, (_, at) => word.slice(at * longest, (at + 1) * longest)));
}

const SCRIPTS: readonly (readonly [RegExp, string])[] = [
  [/\p{Script=Hiragana}|\p{Script=Katakana}/u, "ja"],
  [/\p{Script=Hangul}/u, "ko"],
  [/\p{Script=Han}/u, "zh"],
  [/\p{Script=Arabic}/u, "ar"],
  [/\p{Script=Hebrew}/u, "he"],
  [/\p{Script=Cyrillic}/u, "ru"],
  [/\p{Script=Greek}/u, "el"],
  [/\p{Script=Devanagari}/u, "hi"],
  [/\p{Script=Thai}/u, "th"],
];
const LATIN = new Set(["en", "fr", "de", "es"]);

/**
 * The language to read a text in, without a country: of its script, where most of its letters are of one that tells; else the chosen
 * language if it is written in Latin letters, else English.
 */
export function languageOf(text: string, chosen: string): string {
  const letters = text.slice(0, 2000).match(/\p{L}/gu) ?? [];
  const counts = SCRIPTS.map(([script, language]) => [letters.filter((letter) => script.test(letter)).length, language] as const);
  const foreign = counts.reduce((sum, [count]) => sum + count, 0);
  const [own = ""] = chosen.split("-");
  if (foreign * 2 <= letters.length) return LATIN.has(own) ? own : "en";
  // Japanese is written in Han letters too: a few kana tell it from Chinese.
  const kana = counts[0]?.[0] ?? 0;
  if (kana * 10 >= foreign) return "ja";
  return counts.reduce((most, one) => (one[0] > most[0] ? one : most))[1];
}
