import { describe, expect, it } from "vitest";
import { route, type Asked } from "../src/sw/routing.js";

const ORIGIN = "https://chat.example";
const asked = (path: string, more: Partial<Asked> = {}) => route({ method: "GET", url: new URL(path, ORIGIN).href, mode: "cors", accept: "*/*", ...more }, ORIGIN);
const navigated = (path: string) => asked(path, { mode: "navigate", accept: "text/html" });

describe("the service worker's routing", () => {
  it.each(["/", "/?from=icon", "/c/ses_1", "/board", "/status"])("shows the page at %s", (path) => {
    expect(navigated(path)).toBe("page");
  });

  it.each(["/docs", "/widget-demo", "/api/sessions/s/export", "/c/", "/c/a/b", "/boards", "/assets/index-1.js"])("leaves a visit of %s alone", (path) => {
    expect(navigated(path)).toBe("network");
  });

  it("keeps files that have their hash in the name", () => {
    expect(asked("/assets/index-aJWzDT3E.js")).toBe("asset");
    expect(asked("/assets/KaTeX_Main-Bold-Cx986IdX.woff2")).toBe("asset");
  });

  it.each(["/api/sessions", "/api/turns/t/events", "/v1/models", "/stats", "/stats/events", "/api/ws", "/ws/s/c", "/graphql", "/sw.js", "/manifest.webmanifest", "/widget.js", "/"])("does not touch %s", (path) => {
    expect(asked(path)).toBe("network");
  });

  it("touches no stream of events, wherever it comes from", () => {
    expect(asked("/assets/index-1.js", { accept: "text/event-stream" })).toBe("network");
    expect(asked("/", { mode: "navigate", accept: "text/event-stream" })).toBe("network");
  });

  it("touches nothing of other origins, and nothing that changes anything", () => {
    expect(asked("https://other.example/assets/index-1.js")).toBe("network");
    expect(asked("https://other.example/", { mode: "navigate" })).toBe("network");
    expect(asked("/assets/index-1.js", { method: "POST" })).toBe("network");
    expect(asked("/", { method: "POST", mode: "navigate" })).toBe("network");
  });
});
