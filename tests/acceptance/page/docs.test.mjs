// The API's documentation.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { House } from "./harness.mjs";
import { done } from "./steps.mjs";

const house = new House();
before(() => house.open());
after(() => house.close());

test("the API reference lists the operations and tries one", async () => {
  const page = await house.visit({ path: "/docs" });
  const operation = page.locator("details.operation", { hasText: "/api/bots" }).first();
  await operation.locator("summary").first().click();
  await operation.getByRole("button", { name: "Send" }).click();
  await operation.locator(".answer", { hasText: "sizebot" }).waitFor();
  assert.deepEqual(page.faults, []);
  await done(page);
});

test("the API reference offers a body of each contract of a route", async () => {
  const page = await house.visit({ path: "/docs" });
  const operation = page.locator("details.operation", { hasText: "/api/chat" }).filter({ hasText: "post" }).first();
  await operation.locator("summary").first().click();
  await operation.getByLabel("example").selectOption("history exchange");
  await operation.getByRole("button", { name: "Send" }).click();
  await operation.locator(".answer", { hasText: "UK" }).waitFor();
  assert.deepEqual(page.faults, []);
  await done(page);
});
