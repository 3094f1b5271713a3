import type { ReplyFigures } from "@antiphon/client";
import { expect, test } from "vitest";
import { figureRows, seconds } from "../src/features/conversation/message/figures.js";

const words = { yes: "yes", no: "no", times: (count: number) => (count === 0 ? "no" : `${count} times`) };
const figures: ReplyFigures = { firstTokenMs: 421, totalMs: 12_345, tokens: 12_345, tokensPerSecond: 48.27, resumed: 2, takenOver: 1, restarted: false, cached: false, model: "demo/m", pod: "pod-1" };
const rows = (change: Partial<ReplyFigures> = {}, language = "en") => Object.fromEntries(figureRows({ ...figures, ...change }, language, words));

test("Seconds have as many digits as tell something", () => {
  expect(seconds(421, "en")).toBe("0.42 sec");
  expect(seconds(12_345, "en")).toBe("12.3 sec");
  expect(seconds(421, "de")).toBe("0,42 Sek.");
});

test("All that is known is told", () => {
  expect(rows()).toEqual({ firstToken: "0.42 sec", total: "12.3 sec", pace: "48", tokens: "12,345", model: "demo/m", pod: "pod-1", resumed: "2 times", takenOver: "1 times", restarted: "no", cached: "no" });
});

test("What is not known is left out, and nothing is made up", () => {
  expect(Object.keys(rows({ firstTokenMs: null, totalMs: null, tokens: null, tokensPerSecond: null, model: null, pod: null }))).toEqual(["resumed", "takenOver", "restarted", "cached"]);
});

test("A slow pace has a digit more", () => expect(rows({ tokensPerSecond: 3.14 })["pace"]).toBe("3.1"));
test("In the reader's figures", () => expect(rows({}, "de")["tokens"]).toBe("12.345"));
