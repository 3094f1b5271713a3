import type { Post } from "@antiphon/client";
import { describe, expect, it } from "vitest";
import { placed } from "../src/features/board/days.js";
import { COLOURS, colourOf, initials } from "../src/features/board/people.js";
import { after } from "../src/features/board/useNewest.js";

const post = (id: Post["id"], sender: string, timestamp: string): Post => ({ id, sender, message: "m", timestamp });

describe("placed", () => {
  it("joins what one sender says within five minutes", () => {
    const posts = [post(1, "Ann", "2026-11-21T10:00:00"), post(2, "Ann", "2026-11-21T10:04:00"), post(3, "Bob", "2026-11-21T10:04:30"), post(4, "Bob", "2026-11-21T10:30:00")];
    expect(placed(posts).map(({ goesOn }) => goesOn)).toEqual([false, true, false, false]);
  });

  it("begins each day anew", () => {
    const posts = [post(1, "Ann", "2026-11-21T23:59:00"), post(2, "Ann", "2026-11-22T00:01:00")];
    expect(placed(posts).map(({ newDay, goesOn }) => [newDay, goesOn])).toEqual([
      [true, false],
      [true, false],
    ]);
  });

  it("shows posts of servers whose times cannot be read", () => {
    const [first, second] = placed([post("x", "Ann", "soon"), post("y", "Ann", "later")]);
    expect([first?.at, first?.newDay, second?.goesOn]).toEqual([null, false, true]);
  });
});

describe("after", () => {
  it("compares ids for equality only", () => {
    const posts = [post("b", "Ann", ""), post("a", "Ann", ""), post("c", "Ann", "")];
    expect(after(posts, "b").map(({ id }) => id)).toEqual(["a", "c"]);
    expect(after(posts, "gone")).toEqual([]);
  });
});

describe("people", () => {
  it.each([
    ["Ann", "A"],
    ["ann-marie van der Berg", "A\u200cB"],
    ["陳 大文", "陳\u200c大"],
    ["👩‍🚀 Ada", "👩‍🚀\u200cA"],
    ["  ", ""],
  ])("stands %j for %j", (name, letters) => {
    expect(initials(name, "en")).toBe(letters);
  });

  it("gives a name the same colour everywhere", () => {
    expect(colourOf("Ann")).toBe(colourOf("ann"));
    const colours = new Set(Array.from({ length: 200 }, (_, index) => colourOf(`name ${index}`)));
    expect(colours.size).toBe(COLOURS);
  });
});
