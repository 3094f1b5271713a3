import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { AT_MOST_EVERY, remedy } from "../src/shared/missing_parts.js";

const idle = () => false;
const answer = vi.fn<typeof fetch>();
const online = (is: boolean) => vi.spyOn(navigator, "onLine", "get").mockReturnValue(is);

beforeEach(() => {
  localStorage.clear();
  document.body.replaceChildren();
  answer.mockReset().mockImplementation(() => Promise.resolve(new Response("page")));
  vi.stubGlobal("fetch", answer);
  online(true);
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

it("loads the page anew where nothing is in the way, but not in circles", async () => {
  expect(await remedy(idle, 1e12)).toBe("reload");
  expect(await remedy(idle, 1e12 + AT_MOST_EVERY - 1)).toBe("ask");
  expect(await remedy(idle, 1e12 + AT_MOST_EVERY)).toBe("reload");
});

it("asks while a reply is under way, or something is written", async () => {
  expect(await remedy(() => true)).toBe("ask");
  const field = document.createElement("textarea");
  document.body.append(field);
  field.value = "half a thought";
  expect(await remedy(idle)).toBe("ask");
  field.value = "";
  expect(await remedy(idle)).toBe("reload");
});

it("looks whether something is in the way when the server has answered, not before", async () => {
  let busy = false;
  answer.mockImplementation(() => {
    busy = true;
    return Promise.resolve(new Response("page"));
  });
  expect(await remedy(() => busy)).toBe("ask");
});

it("leaves the page alone where there is no network, or no server that gives one", async () => {
  answer.mockRejectedValueOnce(new TypeError("no"));
  expect(await remedy(idle)).toBe("away");
  answer.mockResolvedValueOnce(new Response("", { status: 502 }));
  expect(await remedy(idle)).toBe("away");
  answer.mockClear();
  online(false);
  expect(await remedy(idle)).toBe("away");
  expect(answer).not.toHaveBeenCalled();
});

it("asks where the browser keeps nothing: it could not know that it has tried", async () => {
  vi.stubGlobal("localStorage", { getItem: () => null, setItem: () => undefined });
  expect(await remedy(idle)).toBe("ask");
});
