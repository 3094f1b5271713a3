import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { SafeArea, Shelf } from "../src/storage.js";

beforeEach(() => localStorage.clear());
afterEach(() => vi.restoreAllMocks());

describe("SafeArea", () => {
  it("keeps in the browser's storage", () => {
    new SafeArea("localStorage").setItem("a", "1");
    expect(localStorage.getItem("a")).toBe("1");
    expect(new SafeArea("localStorage").getItem("a")).toBe("1");
  });

  it("keeps in memory where storage is switched off", () => {
    vi.spyOn(window, "localStorage", "get").mockImplementation(() => {
      throw new DOMException("denied", "SecurityError");
    });
    const area = new SafeArea("localStorage");
    expect(area.getItem("a")).toBeNull();
    area.setItem("a", "1");
    expect(area.getItem("a")).toBe("1");
    area.removeItem("a");
    expect(area.getItem("a")).toBeNull();
  });

  it("goes by what was written last when storage is full", () => {
    const area = new SafeArea("localStorage");
    area.setItem("a", "old");
    const full = vi.spyOn(Storage.prototype, "setItem").mockImplementation(() => {
      throw new DOMException("full", "QuotaExceededError");
    });
    area.setItem("a", "new");
    expect(area.getItem("a")).toBe("new");
    full.mockRestore();
    area.setItem("a", "newest");
    expect(localStorage.getItem("a")).toBe("newest");
    expect(area.getItem("a")).toBe("newest");
  });
});

describe("Shelf", () => {
  it("touches nothing but its own keys", () => {
    localStorage.setItem("a", "the shop's");
    const shelf = new Shelf(new SafeArea("localStorage"), "p:");
    expect(shelf.getItem("a")).toBeNull();
    shelf.put("a", "mine");
    expect(localStorage.getItem("p:a")).toBe("mine");
    shelf.put("a", null);
    expect(localStorage.getItem("p:a")).toBeNull();
    expect(localStorage.getItem("a")).toBe("the shop's");
  });

  it("knows its keys in what other tabs do", () => {
    const shelf = new Shelf(new SafeArea("localStorage"), "p:");
    expect(shelf.keyOf(new StorageEvent("storage", { key: "p:session" }))).toBe("session");
    expect(shelf.keyOf(new StorageEvent("storage", { key: "q:session" }))).toBeNull();
    expect(shelf.keyOf(new StorageEvent("storage", { key: null }))).toBeNull();
  });
});
