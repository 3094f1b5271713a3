import { act, type ReactNode } from "react";
import { createRoot, type Root } from "react-dom/client";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Boundary } from "../src/app/Boundary.js";
import { ChatPage } from "../src/app/ChatPage.js";

const chat = { open: vi.fn(), startNew: vi.fn(), store: { getState: () => ({ id: null }), subscribe: () => () => undefined } };
vi.mock("../src/shared/server.js", () => ({ useServer: () => ({ chat }) }));
vi.mock("../src/features/conversation/index.js", () => ({ Conversation: () => <p data-testid="conversation" /> }));
vi.mock("../src/features/sessions/index.js", () => ({ ArchivedStrip: () => null, SessionMenu: () => null }));

let place: HTMLElement;
let root: Root;
const show = (node: ReactNode): void => act(() => root.render(node));
const shown = () => Array.from(place.querySelectorAll<HTMLElement>("[data-testid]"), ({ dataset }) => dataset["testid"]);

beforeEach(() => {
  vi.stubGlobal("IS_REACT_ACT_ENVIRONMENT", true);
  place = document.createElement("div");
  root = createRoot(place);
});
afterEach(() => {
  act(() => root.unmount());
  history.replaceState(null, "", "/");
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

it.each([
  ["/c/ses_%31", "conversation", [["ses_1"]]],
  ["/c/%E0%A4", "no-page", []],
])("at %s there is: %s", (address, what, opened) => {
  history.replaceState(null, "", address);
  show(<ChatPage leading={null} />);
  expect(shown()).toEqual([what]);
  expect(chat.open.mock.calls).toEqual(opened);
  chat.open.mockClear();
});

it("a part that cannot be drawn leaves no blank page", () => {
  vi.spyOn(console, "error").mockImplementation(() => undefined);
  const Broken = (): ReactNode => {
    throw new Error("a fault of the page");
  };
  show(<Boundary><Broken /></Boundary>);
  expect(shown()).toEqual(["broken"]);
  expect(place.querySelector("a")?.getAttribute("href")).toBe("/");
});
