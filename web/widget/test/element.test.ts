import { describe, expect, it, vi } from "vitest";
import { AntiphonChat, configure, mount } from "../src/index.js";
import { onFreshPages } from "./fresh_page.js";

const find = (element: AntiphonChat, id: string) => element.shadowRoot?.querySelector<HTMLElement>(`[data-testid="${id}"]`) ?? null;
const settled = () => new Promise((done) => setTimeout(done, 20));

onFreshPages();

describe("<antiphon-chat>", () => {
  it("is put at the end of the body and taken off it", async () => {
    const element = mount({ server: "https://chat.example" });
    expect(document.body.lastElementChild).toBe(element);
    expect(find(element, "launcher")).not.toBeNull();
    element.destroy();
    await settled();
    expect(document.body.childElementCount).toBe(0);
    expect(find(element, "launcher")).toBeNull();
  });

  it("opens, minimises, closes", async () => {
    const element = mount({});
    const seen: string[] = [];
    const stop = element.on("open", () => seen.push("open"));
    element.on("close", () => seen.push("close"));
    element.toggle();
    await settled();
    expect(element.view).toBe("open");
    expect(find(element, "panel")?.dataset["state"]).toBe("open");
    element.toggle();
    expect(element.view).toBe("minimised");
    element.close();
    stop();
    element.open();
    expect(seen).toEqual(["open", "close"]);
  });

  it("does what was asked of it before it was on the page", async () => {
    const element = document.createElement("antiphon-chat");
    expect(element.send("early")).toBe(true);
    document.body.append(element);
    await settled();
    expect(element.view).toBe("open");
    expect(find(element, "transcript")?.textContent).toContain("early");
  });

  it("follows its attributes", async () => {
    const element = mount({ language: "en" });
    expect(find(element, "launcher")?.getAttribute("aria-label")).toBe("Open the chat");
    configure(element, { language: "ar", position: "start", launcherLabel: "Help" });
    await settled();
    const root = element.shadowRoot?.querySelector<HTMLElement>(".root");
    expect([root?.lang, root?.dir, root?.dataset["position"]]).toEqual(["ar", "rtl", "end"]);
    expect(find(element, "launcher")?.textContent).toContain("Help");
    configure(element, {});
    expect(element.attributes).toHaveLength(0);
  });

  it("stands at the end of the page's lines, whichever way its own run", async () => {
    const side = (element: AntiphonChat) => element.shadowRoot?.querySelector<HTMLElement>(".root")?.dataset["position"];
    expect(side(mount({ language: "en", position: "start" }))).toBe("start");
    document.documentElement.style.direction = "rtl";
    const [english, arabic] = [mount({ language: "en" }), mount({ language: "ar" })];
    await settled();
    document.documentElement.style.direction = "";
    expect([side(english), side(arabic)]).toEqual(["start", "end"]);
  });

  it("keeps what is typed from the page's shortcuts, and nothing else", async () => {
    const element = mount({});
    element.open();
    await settled();
    const heard: string[] = [];
    for (const type of ["keydown", "keypress", "keyup"]) document.body.addEventListener(type, (event) => heard.push(event.type));
    const press = (id: string) => {
      for (const type of ["keydown", "keypress", "keyup"]) find(element, id)?.dispatchEvent(new KeyboardEvent(type, { key: "/", bubbles: true, composed: true }));
    };
    press("widget-text");
    expect(heard).toEqual([]);
    press("widget-close");
    expect(heard).toEqual(["keydown", "keypress", "keyup"]);
  });

  it("has its usual name where the server has no such bot", async () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => undefined);
    vi.stubGlobal("fetch", vi.fn((url: string) => (url.endsWith("/api/bots") ? Promise.resolve(Response.json({ bots: [], default: "echo" })) : new Promise(() => undefined))));
    const element = mount({ server: "https://chat.example", bot: "nobody", language: "en" });
    element.open();
    await settled();
    await settled();
    const head = element.shadowRoot?.querySelector(".head");
    expect([head?.querySelector("h2")?.textContent, head?.querySelector(".face")?.textContent]).toEqual(["Chat", "C"]);
    expect(warn).toHaveBeenCalledOnce();
  });

  it("tells visitors what went wrong in their language, and the page's authors the rest", async () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => undefined);
    const detail = "There is no bot of that name. POST /api/sessions with one of: echo, sizebot.";
    const answer = (url: string) => Promise.resolve(url.endsWith("/api/bots") ? Response.json({ bots: [], default: "echo" }) : Response.json({ status: 422, code: "unknown_bot", detail }, { status: 422 }));
    vi.stubGlobal("fetch", vi.fn(answer));
    const element = mount({ server: "https://chat.example", language: "de" });
    element.send("Hallo");
    await settled();
    await settled();
    const transcript = find(element, "transcript")?.textContent ?? "";
    expect(transcript).toContain("Der Chat kann das gerade nicht.");
    expect(transcript).not.toContain("POST");
    expect(warn.mock.calls.flat().join()).toContain(`unknown_bot: ${detail}`);
  });

  it("is moved without losing its conversation", async () => {
    const element = mount({});
    element.send("hello");
    const place = document.createElement("div");
    document.body.append(place);
    place.append(element);
    await settled();
    expect(find(element, "transcript")?.textContent).toContain("hello");
  });

  it("says once what is wrong with an attribute", async () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => undefined);
    const element = mount({ radius: 99 });
    element.setAttribute("title", "Other");
    await settled();
    expect(warn.mock.calls.map(([text]) => String(text)).filter((text) => text.includes("radius"))).toEqual([
      'antiphon-chat: radius="99" is not used: give a number from 0 to 32.',
    ]);
  });
});
