import type { ChatMessage, SessionState } from "@antiphon/client";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createStore } from "zustand/vanilla";
import { beginEdit, endEdit, newIntent } from "../src/features/conversation/context.js";
import { keepEdit } from "../src/features/conversation/message/kept_edit.js";

const message = (id: string, key = id, status = "complete") => ({ id, key, role: "user", status }) as ChatMessage;
const show = vi.fn<(id: string) => void>();
const stops: (() => void)[] = [];

/** A page that shows these messages, all on the branch but those named in `elsewhere`. */
function page(messages: readonly ChatMessage[], elsewhere: readonly string[] = []) {
  const state = (all: readonly ChatMessage[]) => ({ messages: new Map(all.map((one) => [one.id, one])), path: all.map(({ id }) => id).filter((id) => !elsewhere.includes(id)) });
  const store = createStore(() => state(messages) as unknown as SessionState);
  const intent = newIntent();
  const stop = keepEdit({ store, show }, intent, "edit.ses_1");
  stops.push(stop);
  return { intent, stop, load: (all: readonly ChatMessage[]) => store.setState(state(all)) };
}
const edit = ({ intent }: ReturnType<typeof page>) => [intent.getState().editing, intent.getState().edited];

beforeEach(() => {
  localStorage.clear();
  show.mockReset();
  vi.useFakeTimers();
});
afterEach(() => {
  for (const stop of stops.splice(0)) stop();
  vi.useRealTimers();
});

test("An edit comes back with its text once its message is loaded, by the id and not by this page's key", () => {
  const before = page([message("m1", "local-1")]);
  beginEdit(before.intent, "local-1");
  before.intent.setState({ edited: "half a thou" });
  before.stop();
  const after = page([]);
  expect(edit(after)).toEqual([null, null]);
  after.load([message("m1")]);
  expect(edit(after)).toEqual(["m1", "half a thou"]);
  expect(after.intent.getState().entered).toBe(false);
  expect(show).not.toHaveBeenCalled();
});

test("One that was begun only comes back as the message is", () => {
  const before = page([message("m1")]);
  beginEdit(before.intent, "m1");
  before.stop();
  expect(edit(page([message("m1")]))).toEqual(["m1", null]);
});

test("It is kept once typing rests, and at once when the page goes", () => {
  const { intent } = page([message("m1")]);
  beginEdit(intent, "m1");
  expect(localStorage.length).toBe(0);
  vi.advanceTimersByTime(400);
  expect(localStorage.length).toBe(1);
  intent.setState({ edited: "in a hurry" });
  dispatchEvent(new Event("pagehide"));
  expect(localStorage.getItem("antiphon.edit.ses_1")).toContain("in a hurry");
});

test("Sent or left it is forgotten at once", () => {
  const before = page([message("m1")]);
  beginEdit(before.intent, "m1", "changed");
  before.stop();
  const { intent } = page([message("m1")]);
  endEdit(intent);
  expect(localStorage.length).toBe(0);
});

test("It does not take the place of one that is begun meanwhile", () => {
  localStorage.setItem("antiphon.edit.ses_1", JSON.stringify({ id: "m1", text: "old" }));
  const late = page([message("m2")]);
  beginEdit(late.intent, "m2");
  late.load([message("m1"), message("m2")]);
  expect(edit(late)).toEqual(["m2", null]);
});

test("It comes back on its branch", () => {
  localStorage.setItem("antiphon.edit.ses_1", JSON.stringify({ id: "m1", text: null }));
  page([message("m1"), message("m2")], ["m1"]);
  expect(show.mock.calls).toEqual([["m1"]]);
});

test.each(["{", "null", "[]", '{"id":1,"text":"a"}', '{"id":"m1","text":1}'])("What is kept and cannot be read is none: %s", (kept) => {
  localStorage.setItem("antiphon.edit.ses_1", kept);
  expect(edit(page([message("m1")]))).toEqual([null, null]);
});
