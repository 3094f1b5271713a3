import { describe, expect, it, vi } from "vitest";
import { onFreshPages } from "./fresh_page.js";

const element = () => document.querySelector("antiphon-chat");
const all = () => document.querySelectorAll("antiphon-chat").length;

/** Runs `widget.js` as the browser does for each script element that names it. */
async function run(attributes: Record<string, string> = {}): Promise<void> {
  const script = document.createElement("script");
  script.src = "https://chat.example/widget.js";
  for (const [name, value] of Object.entries(attributes)) script.setAttribute(name, value);
  vi.spyOn(document, "currentScript", "get").mockReturnValue(script);
  vi.resetModules();
  await import("../src/script.js");
}

/** What Turbo, pjax and htmx do: another page's body, in the same document. */
async function swap(body: readonly Node[] = []): Promise<void> {
  document.body.replaceChildren(...body);
  await Promise.resolve();
}

onFreshPages(() => window.Antiphon?.destroy());

describe("the script", () => {
  it("puts one chat on the page, however often it runs, and takes it off", async () => {
    const ready = vi.fn();
    document.addEventListener("antiphon:ready", ready);
    await run({ "data-bot": "sizebot" });
    await run();
    document.removeEventListener("antiphon:ready", ready);
    expect([all(), element()?.getAttribute("bot"), element()?.getAttribute("server")]).toEqual([1, "sizebot", "https://chat.example/"]);
    expect(ready).toHaveBeenCalledOnce();
    window.Antiphon?.destroy();
    expect([all(), window.Antiphon]).toEqual([0, undefined]);
  });

  it("puts the same chat back when it runs again in a page whose body was exchanged", async () => {
    await run({ "data-bot": "sizebot" });
    const opened = vi.fn();
    window.Antiphon?.on("open", opened);
    const before = element();
    await swap();
    expect(window.Antiphon?.send("between two pages")).toBe(true);
    await run({ "data-bot": "echo" });
    expect([all(), element() === before, element()?.getAttribute("bot")]).toEqual([1, true, "echo"]);
    await vi.waitFor(() => expect(element()?.shadowRoot?.textContent).toContain("between two pages"));
    expect(opened).toHaveBeenCalledOnce();
  });

  it("takes the place of a copy that a kept body brings back", async () => {
    await run({ "data-bot": "sizebot" });
    const original = element();
    const copy = original?.cloneNode(true) as Node;
    const another = document.createElement("antiphon-chat");
    another.setAttribute("bot", "echo");
    await swap([another, copy]);
    await run({ "data-bot": "sizebot" });
    expect([...document.querySelectorAll("antiphon-chat")].map((it) => [it === another, it === original])).toEqual([[true, false], [false, true]]);
  });
});
