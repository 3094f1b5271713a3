import { expect, test } from "vitest";
import { around, AT_END, AT_FIRST, AT_MOST, beginning, earlier, heldOf, later, likelyHeight, MORE, spanOf, trimmed } from "../src/features/conversation/transcript/window.js";

const keys = Array.from({ length: 1000 }, (_, at) => `m${at}`);

test("A long conversation is opened at its end, and no more than 60 messages are drawn", () => {
  expect(spanOf(keys, AT_END)).toEqual({ start: 1000 - AT_FIRST, end: 1000 });
  expect(AT_FIRST).toBeLessThanOrEqual(60);
  expect(AT_MOST).toBeLessThanOrEqual(60);
});

test("A short one is drawn whole", () => expect(spanOf(keys.slice(0, 3), AT_END)).toEqual({ start: 0, end: 3 }));

test("Going up draws so many more, to the first, and lets go of those far below", () => {
  const go = (start: number, end: number, far: number) => spanOf(keys, earlier(keys, { start, end }, far));
  expect(go(900, 1000 - AT_MOST, 0)).toEqual({ start: 900 - MORE, end: 1000 - AT_MOST });
  expect(go(500, 500 + AT_MOST, 20)).toEqual({ start: 500 - MORE, end: 500 + AT_MOST - MORE });
  expect(go(500, 500 + AT_MOST, 3)).toEqual({ start: 500 - MORE, end: 500 + AT_MOST - 3 });
  expect(go(3, 20, 20)).toEqual({ start: 0, end: 20 });
});

test("Going down draws so many more, to the last, and lets go of those far above", () => {
  const go = (start: number, end: number, far: number) => spanOf(keys, later(keys, { start, end }, far));
  expect(go(100, 120, 0)).toEqual({ start: 100, end: 120 + MORE });
  expect(go(100, 100 + AT_MOST, 20)).toEqual({ start: 100 + MORE, end: 100 + AT_MOST + MORE });
  expect(go(990 - AT_MOST, 997, 0)).toEqual({ start: 990 - AT_MOST, end: 1000 });
});

test("What is drawn stays the same when others are loaded before it or come after it", () => {
  const held = heldOf(keys, { start: 500, end: 550 });
  expect(spanOf(["x", "y", "z", ...keys, "new"], held)).toEqual({ start: 503, end: 553 });
});

test("Who has the end drawn sees what comes after it", () => {
  const held = heldOf(keys, { start: 980, end: 1000 });
  expect(spanOf([...keys, "new"], held)).toEqual({ start: 980, end: 1001 });
});

test("On another branch the place is kept, and no more is drawn at once than may be", () => {
  const other = [...keys.slice(0, 510), ...Array.from({ length: 900 }, (_, at) => `other${at}`)];
  expect(spanOf(other, heldOf(keys, { start: 500, end: 550 }))).toEqual({ start: 500, end: 500 + AT_MOST });
  expect(spanOf(other, heldOf(keys, { start: 510, end: 550 }))).toEqual({ start: 510, end: 510 + AT_MOST });
  expect(spanOf(other, heldOf(keys, { start: 500, end: 1000 }))).toEqual({ start: 500, end: 500 + AT_MOST });
  expect(spanOf(keys.slice(0, 505), heldOf(keys, { start: 500, end: 550 }))).toEqual({ start: 500, end: 505 });
  expect(spanOf(keys.slice(0, 100), heldOf(keys, { start: 500, end: 550 }))).toEqual({ start: 100 - AT_FIRST, end: 100 });
});

test("The beginning is drawn for who goes there", () => expect(spanOf(keys, beginning(keys))).toEqual({ start: 0, end: AT_FIRST }));

test("Who is led to a message has it drawn with what is around it", () => {
  const there = (at: number) => spanOf(keys, around(keys, at));
  expect(there(500)).toEqual({ start: 500 - AT_FIRST / 2, end: 500 + AT_FIRST / 2 });
  expect(there(2)).toEqual({ start: 0, end: AT_FIRST });
  expect(there(999)).toEqual({ start: 999 - AT_FIRST / 2, end: 1000 });
});

test("A reader at the end keeps what is drawn up to the bound, then lets the oldest go", () => {
  const trim = (start: number, end: number) => spanOf(keys, trimmed(keys, { start, end }));
  expect(trim(1000 - AT_MOST, 1000)).toEqual({ start: 1000 - AT_MOST, end: 1000 });
  expect(trim(1000 - AT_MOST - 1, 1000)).toEqual({ start: 1000 - AT_FIRST, end: 1000 });
  expect(trim(200, 240)).toEqual({ start: 1000 - AT_FIRST, end: 1000 });
});

test("The guess of a height grows with lines and with length", () => {
  expect(likelyHeight(10, 20)).toBeGreaterThan(likelyHeight(10, 1));
  expect(likelyHeight(5000, 1)).toBeGreaterThan(likelyHeight(500, 1));
});
