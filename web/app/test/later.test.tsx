import { act, type ComponentType, type ReactNode } from "react";
import { createRoot, type Root } from "react-dom/client";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { later } from "../src/shared/ui/later.js";

const Part = ({ name }: { name: string }): ReactNode => <p>part {name}</p>;
const Missing = ({ name }: { name: string }): ReactNode => <p>no {name}</p>;
const load = vi.fn<() => Promise<ComponentType<{ name: string }>>>();
let place: HTMLElement;
let root: Root;

beforeEach(() => {
  vi.stubGlobal("IS_REACT_ACT_ENVIRONMENT", true);
  load.mockReset();
  place = document.createElement("div");
  root = createRoot(place);
});
afterEach(() => {
  act(() => root.unmount());
  vi.unstubAllGlobals();
});

const show = (node: ReactNode): Promise<void> =>
  act(async () => {
    root.render(node);
    await Promise.resolve();
  });

it("shows what was loaded, and loads it once", async () => {
  load.mockResolvedValue(Part);
  const Later = later(load, Missing);
  await show(<Later name="a" />);
  expect(place.textContent).toBe("part a");
  await show(null);
  await show(<Later name="b" />);
  expect([place.textContent, load.mock.calls.length]).toEqual(["part b", 1]);
});

it("where it cannot be loaded the rest stays, and it is asked for again when shown again or online again", async () => {
  load.mockRejectedValue(new TypeError("gone"));
  const Later = later(load, Missing);
  await show(<><i>rest </i><Later name="a" /></>);
  expect(place.textContent).toBe("rest no a");
  await show(null);
  await show(<Later name="b" />);
  expect([place.textContent, load.mock.calls.length]).toEqual(["no b", 2]);
  load.mockResolvedValue(Part);
  await act(() => Promise.resolve(void dispatchEvent(new Event("online"))));
  expect(place.textContent).toBe("part b");
});
