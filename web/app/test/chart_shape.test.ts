import { describe, expect, it } from "vitest";
import { nearest, shape, type ChartData } from "../src/features/status/chart_shape.js";

const data = (values: (number | null)[][], more: Partial<ChartData> = {}): ChartData => ({
  at: (values[0] ?? []).map((_, index) => index * 1000),
  series: values.map((each, colour) => ({ key: String(colour), label: String(colour), colour, values: each })),
  stacked: false,
  whole: false,
  ...more,
});

/** How many separate strokes a path has. */
const strokes = (path: string | undefined) => path?.match(/M/g)?.length ?? 0;

describe("shape", () => {
  it("breaks the line where nothing was told, after a gap, and where a pod was left", () => {
    expect(strokes(shape(data([[1, 2, 3, 4]]), 400, []).paths[0]?.line)).toBe(1);
    expect(strokes(shape(data([[1, 2, null, 4]]), 400, []).paths[0]?.line)).toBe(2);
    expect(strokes(shape(data([[1, 2, 3, 4]]), 400, [2]).paths[0]?.line)).toBe(2);
    expect(strokes(shape(data([[1, 2, 3, 4]], { at: [0, 1000, 20_000, 21_000] }), 400, []).paths[0]?.line)).toBe(2);
  });

  it("puts parts on top of each other", () => {
    const { y } = shape(data([[10], [30]], { stacked: true }), 400, []);
    expect(y.domain()).toEqual([0, 40]);
  });

  it("draws no line for a part that is nothing, which would hide the one below", () => {
    const [whole, nothing] = shape(data([[3, 3], [0, 0]], { stacked: true }), 400, []).paths;
    expect(whole?.line).not.toBe("");
    expect(nothing?.line).toBe("");
  });

  it("has a scale without values, and whole numbers where only these make sense", () => {
    expect(shape(data([[]]), 400, []).y.domain()).toEqual([0, 1]);
    expect(shape(data([[1, 1]], { whole: true }), 400, []).ticks).toEqual([0, 1]);
  });
});

describe("nearest", () => {
  it("finds the point in time", () => {
    expect(nearest([0, 1000, 2000], 1400)).toBe(1);
    expect(nearest([0, 1000, 2000], 9000)).toBe(2);
    expect(nearest([], 0)).toBeNull();
  });
});
