// The figures page.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { accessible } from "./axe.mjs";
import { House } from "./harness.mjs";
import { by, done, pick, say } from "./steps.mjs";

const house = new House();
before(() => house.open());
after(() => house.close());

test("it shows what goes on, live", async () => {
  const page = await house.visit({ path: "/status" });
  await by(page, "status-pods").locator("tbody tr, li").first().waitFor();
  const { pod_id: pod } = await (await page.request.get(`${house.base}/stats`)).json();
  await by(page, "status-pods").filter({ hasText: pod }).waitFor();
  const chat = await house.tab(page.context());
  await pick(chat, "slow");
  await say(chat, "be counted");
  await page.waitForFunction(() => /\b[1-9]\d*\b/.test(document.querySelector('[data-testid="status-pods"]').innerText.split("\n").slice(1).join(" ")));
  assert.deepEqual(page.faults, []);
  await done(page);
});

for (const colorScheme of ["light", "dark"]) {
  for (const width of [390, 1440]) {
    test(`axe finds nothing, ${colorScheme}, ${width} px`, async () => {
      const page = await house.visit({ path: "/status", colorScheme, viewport: { width, height: 900 }, reducedMotion: "reduce" });
      await by(page, "status-pods").waitFor();
      await page.waitForTimeout(2500);
      await accessible(page, "status");
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), width);
      await done(page);
    });
  }
}

test("it goes on after the server was away", async () => {
  const page = await house.visit({ path: "/status" });
  await by(page, "status-pods").waitFor();
  const { pod_id: old } = await (await page.request.get(`${house.base}/stats`)).json();
  await house.site.kill();
  await house.site.revive();
  const { pod_id: pod } = await (await page.request.get(`${house.base}/stats`)).json();
  assert.notEqual(pod, old);
  await by(page, "status-pods").filter({ hasText: pod }).waitFor();
  await done(page);
});

test("who asks from another machine is told how to read it: a program in JSON, a person by the page", async () => {
  const headers = { "X-Forwarded-For": "203.0.113.9" };
  const page = await house.visit({ path: "/status", extraHTTPHeaders: headers });
  await by(page, "status").and(page.locator('[data-phase="refused"]')).filter({ hasText: "ssh -L" }).waitFor();
  for (const path of ["/status", "/stats/events"]) {
    const response = await page.request.get(house.base + path);
    assert.equal(response.status(), 403);
    assert.match((await response.json()).detail, /ssh/i);
  }
  const { status } = await (await page.request.get(`${house.base}/api/page`)).json();
  assert.equal(status, false);
  assert.deepEqual(page.faults, []);
  await done(page);
});
