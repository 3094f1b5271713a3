// The page as an installed app: it opens without a network and shows what is stored.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { House } from "./harness.mjs";
import { by, done, drawn, finished, midway, pick, prompts, say } from "./steps.mjs";

const house = new House();
before(() => house.open());
after(() => house.close());

const ready = (page) => page.evaluate(() => navigator.serviceWorker.ready.then(() => true));

test("without a network it opens, shows stored conversations, and sends what was written when there is one", async () => {
  const page = await house.visit();
  await say(page, "EU 42 in UK men's shoes");
  await finished(page, 1);
  const before = await drawn(page);
  await ready(page);
  await page.reload(); // from now on the service worker answers
  await finished(page, 1);
  await page.waitForTimeout(1500);
  await page.context().setOffline(true);
  await page.reload();
  await prompts(page).first().waitFor();
  assert.deepEqual(await drawn(page), before);
  await by(page, "session").first().waitFor();
  await by(page, "connection").and(page.locator('[data-status="offline"]')).waitFor();
  await say(page, "And EU 43?");
  await prompts(page).nth(1).waitFor();
  await page.context().setOffline(false);
  await finished(page, 2);
  assert.equal(await prompts(page).count(), 2);
  assert.deepEqual(page.faults, []);
  await done(page);
});

test("what was written offline is sent though its conversation was left for a new one", async () => {
  const page = await house.visit();
  await say(page, "EU 42 in UK men's shoes");
  await finished(page, 1);
  const session = await by(page, "session").first().getAttribute("data-id");
  await page.context().setOffline(true);
  await say(page, "And EU 43?");
  await prompts(page).nth(1).waitFor();
  await by(page, "new-chat").click();
  await prompts(page).first().waitFor({ state: "detached" });
  const row = by(page, "session").and(page.locator(`[data-id="${session}"]`));
  await row.filter({ hasText: "waits to be sent" }).waitFor();
  await page.context().setOffline(false);
  await row.filter({ hasNotText: "waits to be sent" }).waitFor();
  assert.equal(await prompts(page).count(), 0);
  await row.getByRole("link").click();
  await finished(page, 2);
  assert.equal(await prompts(page).count(), 2);
  assert.deepEqual(page.faults, []);
  await done(page);
});

test("where a part of it is gone since a deploy it loads itself anew, once, and never in mid-reply unasked", async () => {
  const page = await house.visit({ serviceWorkers: "block" });
  await page.route(/\/assets\/settings-[^/]+\.js$/, (route) => route.fulfill({ status: 404, body: "" }));
  const notice = page.locator(".toast");
  let loads = 0;
  page.on("load", () => loads++);
  await pick(page, "slow");
  await say(page, "one");
  await midway(page, 30);
  await by(page, "settings").click();
  await notice.filter({ hasText: "Reload" }).waitFor();
  await finished(page, 1);
  assert.equal(loads, 0);
  const anew = page.waitForEvent("load");
  await by(page, "settings").click();
  await anew;
  await finished(page, 1);
  await by(page, "settings").click();
  await notice.filter({ hasText: "Reload" }).waitFor();
  await page.context().setOffline(true);
  await by(page, "settings").click();
  await notice.filter({ hasText: "reached" }).waitFor();
  assert.equal(loads, 1);
  assert.deepEqual(page.faults, []);
  await done(page);
});

test("an address that names nothing is the server's to answer, with the page, which is not kept", async () => {
  const page = await house.visit();
  await ready(page);
  for (const path of ["/nowhere", "/c/a/b"]) {
    const response = await page.goto(house.base + path);
    assert.deepEqual([response.status(), response.fromServiceWorker()], [404, false]);
    await by(page, "no-page").getByRole("heading").waitFor();
  }
  const kept = await page.evaluate(async () => {
    const held = await Promise.all((await caches.keys()).map(async (name) => (await caches.open(name)).keys()));
    return held.flat().map(({ url }) => new URL(url).pathname);
  });
  assert.ok(kept.includes("/"));
  assert.ok(!kept.includes("/nowhere"));
  await by(page, "no-page").getByRole("link").click();
  await by(page, "composer").waitFor();
  assert.deepEqual(page.faults, []);
  await done(page);
});

test("it can be installed", async () => {
  const page = await house.visit();
  const href = await page.locator('link[rel="manifest"]').getAttribute("href");
  const manifest = await (await page.request.get(new URL(href, house.base).href)).json();
  assert.equal(manifest.display, "standalone");
  for (const size of ["192x192", "512x512"]) {
    const icon = manifest.icons.find((one) => one.sizes.split(" ").includes(size));
    const response = await page.request.get(new URL(icon.src, house.base).href);
    assert.equal(response.status(), 200);
    const png = await response.body();
    assert.equal(`${png.readUInt32BE(16)}x${png.readUInt32BE(20)}`, size);
  }
  assert.ok(manifest.icons.some((one) => /maskable/.test(one.purpose ?? "")));
  const session = await page.context().newCDPSession(page);
  const { installabilityErrors } = await session.send("Page.getInstallabilityErrors");
  assert.deepEqual(installabilityErrors.filter((one) => one.errorId !== "in-incognito"), []);
  await done(page);
});
