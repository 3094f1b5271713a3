import { afterEach, expect, it, vi } from "vitest";
import { highlight } from "../src/features/conversation/rich/highlight.js";

class FakeWorker extends EventTarget {
  static made: FakeWorker[] = [];
  readonly asked: unknown[] = [];
  terminate = vi.fn();
  constructor() {
    super();
    FakeWorker.made.push(this);
  }
  postMessage(order: unknown): void {
    this.asked.push(order);
  }
}

const idle = () => new Promise((done) => setTimeout(done, 100));
const code = (text: string): void => highlight(document.createElement("code"), "python", text);

afterEach(() => vi.unstubAllGlobals());

it("asks for another highlighter where one could not be loaded", async () => {
  vi.stubGlobal("Worker", FakeWorker);
  code("one");
  await idle();
  FakeWorker.made[0]?.dispatchEvent(new Event("error"));
  code("two");
  code("three");
  await idle();
  expect(FakeWorker.made.map(({ asked, terminate }) => [asked.length, terminate.mock.calls.length])).toEqual([[1, 1], [2, 0]]);
});
