import { beforeEach, expect, test } from "vitest";
import { NEAR, Sticking } from "../src/features/conversation/transcript/sticking.js";

const view = (scrollTop: number, scrollHeight = 2000) => ({ scrollTop, scrollHeight, clientHeight: 500 });
let sticking: Sticking;
beforeEach(() => {
  sticking = new Sticking();
  sticking.atEnd(view(1500));
});

test("It goes along with the end until the reader moves", () => {
  sticking.scrolled(view(1500, 2400));
  expect(sticking.pinned).toBe(true);
});

test("Asking to move up lets go at once, before anything has moved", () => {
  sticking.movedUp();
  expect(sticking.pinned).toBe(false);
});

test("So does moving up by any other means, such as the scroll bar", () => {
  sticking.scrolled(view(1400));
  expect(sticking.pinned).toBe(false);
});

test("Content that shrinks moves the view up, and that is not the reader", () => {
  sticking.scrolled(view(1100, 1600));
  expect(sticking.pinned).toBe(true);
});

test("A small step up near the end is not taken back", () => {
  sticking.movedUp();
  sticking.scrolled(view(1490));
  sticking.scrolled(view(1490, 2100));
  expect(sticking.pinned).toBe(false);
});

test("Who comes back to the end is taken along again", () => {
  sticking.scrolled(view(1000));
  sticking.scrolled(view(1500 - NEAR - 10));
  expect(sticking.pinned).toBe(false);
  sticking.scrolled(view(1500 - NEAR + 1));
  expect(sticking.pinned).toBe(true);
});

test("The end of what is drawn is not the end while there is more", () => {
  sticking.scrolled(view(1000));
  sticking.scrolled(view(1500), true);
  expect(sticking.pinned).toBe(false);
});

test("A correction by the page is no move of the reader's", () => {
  sticking.movedUp();
  sticking.kept(view(1200));
  sticking.scrolled(view(1200));
  expect(sticking.pinned).toBe(false);
});

test("Positions that are rounded are no move", () => {
  sticking.scrolled(view(1499));
  expect(sticking.pinned).toBe(true);
});

test("Moved by the page to keep what is pressed in place, the view is at the end or it is not", () => {
  sticking.held(view(1400), false);
  expect(sticking.pinned).toBe(false);
  sticking.scrolled(view(1400));
  expect(sticking.pinned).toBe(false);
  sticking.held(view(1500), true);
  expect(sticking.pinned).toBe(false);
  sticking.held(view(1500), false);
  expect(sticking.pinned).toBe(true);
});
