// @vitest-environment happy-dom
import { afterEach, expect, it } from "vitest";
import { stored, storedFor } from "../src/shared/storage.js";

afterEach(() => localStorage.clear());

it("what is kept for one server is found there alone, under the page's prefix once", () => {
  const [here, there] = [storedFor(""), storedFor("https://other.example")];
  here.setItem("outbox.ses_1", "a");
  there.setItem("outbox.ses_2", "b");
  localStorage.setItem("outbox.ses_3", "of another page");
  expect(Object.keys(localStorage).sort()).toEqual(["antiphon.outbox.ses_1", "antiphon.outbox.ses_2@https://other.example", "outbox.ses_3"]);
  expect([here.keys(), there.keys()]).toEqual([["outbox.ses_1"], ["outbox.ses_2"]]);
  expect(stored.keys().length).toBe(2);
  there.removeItem("outbox.ses_2");
  expect(there.keys()).toEqual([]);
});
