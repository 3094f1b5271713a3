import { afterEach, beforeEach, vi } from "vitest";

/** Each test begins on an empty page without memory, whose requests are never answered; `leave` comes first at its end. */
export function onFreshPages(leave: () => void = () => undefined): void {
  beforeEach(() => {
    localStorage.clear();
    sessionStorage.clear();
    vi.stubGlobal("fetch", vi.fn(() => new Promise(() => undefined)));
    vi.stubGlobal("CSS", { supports: () => true });
  });
  afterEach(() => {
    leave();
    document.body.replaceChildren();
    vi.unstubAllGlobals();
    vi.restoreAllMocks();
  });
}
