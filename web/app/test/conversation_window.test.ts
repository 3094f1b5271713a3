import { expect, test } from "vitest";
import { AT_FIRST, AT_MOST, earlier, likelyHeight, MORE, startOf, trimmed } from "../src/features/conversation/transcript/window.js";

const keys = Array.from({ length: 1000 }, (_, at) => `m${at}`);

test("A long conversation is opened at its end, and no more than 60 messages are drawn there", () => {
  expect(keys.length - startOf(keys, null)).toBe(AT_FIRST);
  expect(AT_FIRST).toBeLessThanOrEqual(60);
  expect(AT_MOST).toBeLessThanOrEqual(60);
});

test("A short one is drawn whole", () => expect(startOf(keys.slice(0, 3), null)).toBe(0));

test("Going up draws so many more, to the first", () => {
  expect(earlier(keys, 500)).toBe(`m${500 - MORE}`);
  expect(earlier(keys, 3)).toBe("m0");
});

test("The first one drawn stays the first when older ones are loaded before it", () => {
  const first = earlier(keys, 500);
  expect(startOf([...["x", "y", "z"], ...keys], first)).toBe(500 - MORE + 3);
});

test("On another branch, where it is not, the end is drawn", () => expect(startOf(keys.slice(0, 100), "m500")).toBe(100 - AT_FIRST));

test("A reader at the end keeps what is drawn up to the bound, then lets the oldest go", () => {
  expect(trimmed(keys, 1000 - AT_MOST)).toBe(`m${1000 - AT_MOST}`);
  expect(trimmed(keys, 1000 - AT_MOST - 1)).toBe(`m${1000 - AT_FIRST}`);
});

test("The guess of a height grows with lines and with length", () => {
  expect(likelyHeight(10, 20)).toBeGreaterThan(likelyHeight(10, 1));
  expect(likelyHeight(5000, 1)).toBeGreaterThan(likelyHeight(500, 1));
});
