// The page of one server, talking to another one on another site: browsers keep that one's cookies back.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { House } from "./harness.mjs";
import { by, done, finished, prompts, say } from "./steps.mjs";

const house = new House();
before(() => house.open());
after(() => house.close());

test("a server of another site knows its reader again, from message to message and after a reload", async () => {
  const page = await house.visit();
  // To a browser `localhost` and `127.0.0.1` are two sites.
  const other = house.base.replace("127.0.0.1", "localhost");
  await by(page, "settings").click();
  await by(page, "server-url").fill(other);
  await by(page, "server-add").click();
  await by(page, "server").locator(`option[value="${other}"]`).waitFor({ state: "attached" });
  await page.keyboard.press("Escape");
  await say(page, "EU 42");
  await finished(page, 1);
  await say(page, "EU 43");
  await finished(page, 2);
  await page.reload();
  await finished(page, 2);
  assert.equal(await prompts(page).count(), 2);
  await by(page, "session").first().waitFor();
  assert.equal(await by(page, "session").count(), 1);
  assert.deepEqual(page.faults, []);
  await done(page);
});

test("an address that names nothing shows no blank page", async () => {
  const page = await house.visit({ path: "/c/%E0%A4" });
  await by(page, "no-page").waitFor();
  await by(page, "no-page").getByRole("link").click();
  await by(page, "composer").waitFor();
  assert.deepEqual(page.faults, []);
  await done(page);
});
