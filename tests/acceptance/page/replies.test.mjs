// Whatever happens in mid-reply, in the end the screen shows what is stored. On one server, and on pods behind nginx.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { FLEET, House, MODELS } from "./harness.mjs";
import { by, conversation, done, exchanges, finished, midway, pick, prompts, replies, say, stored, underWay, whole } from "./steps.mjs";

const house = new House();
before(() => house.open());
after(() => house.close());

test("a first message gets a whole reply, with a table", async () => {
  const page = await house.visit();
  await say(page, "My foot is 26.5 cm, which EU size?");
  await finished(page, 1);
  assert.match(await replies(page).first().locator("table").innerText(), /EU/);
  await by(page, "live").filter({ hasText: /SizeBot/ }).waitFor({ state: "attached" });
  assert.match(page.url(), /\/c\/ses_/);
  await whole(page);
  await done(page);
});

test("a refresh in mid-reply loses nothing", async () => {
  const page = await house.visit();
  await pick(page, "slow");
  await say(page, "refresh me");
  for (const depth of [40, 120]) {
    await midway(page, depth);
    await page.reload();
  }
  await midway(page, 200);
  assert.equal(await underWay(page).count(), 1);
  await finished(page, 1);
  await whole(page);
  await done(page);
});

test("a network that goes and comes back in mid-reply loses nothing", async () => {
  const page = await house.visit();
  await pick(page, "slow");
  await say(page, "unplug me");
  await midway(page);
  await page.context().setOffline(true);
  await by(page, "connection").and(page.locator(':not([data-status="connected"])')).waitFor();
  await page.context().setOffline(false);
  await by(page, "connection").and(page.locator('[data-status="connected"]')).waitFor({ state: "attached" });
  await finished(page, 1);
  await whole(page);
  await done(page);
});

test("a message written without a network is sent once when it is back", async () => {
  const page = await house.visit();
  await by(page, "choice").locator("option").first().waitFor({ state: "attached" });
  await page.context().setOffline(true);
  await say(page, "EU 42 in UK men's shoes");
  await by(page, "connection").and(page.locator('[data-status="offline"]')).waitFor();
  await page.context().setOffline(false);
  await finished(page, 1);
  await by(page, "session").first().waitFor();
  assert.equal(await by(page, "session").count(), 1);
  assert.equal(await prompts(page).count(), 1);
  await whole(page);
  await done(page);
});

test("a message is sent once though the page is left before the server confirms it", async () => {
  const page = await house.visit();
  await page.route("**/api/sessions/*/messages", (route) => (route.request().method() === "POST" ? route.abort() : route.continue()));
  await say(page, "EU 38 in UK women's shoes");
  await by(page, "connection").and(page.locator(':not([data-status="connected"])')).waitFor();
  await page.unroute("**/api/sessions/*/messages");
  await page.reload();
  await finished(page, 1);
  assert.equal(await prompts(page).count(), 1);
  await whole(page);
  await done(page);
});

test("what runs the reply is killed in mid-reply, and the same reply goes on", async () => {
  const page = await house.visit();
  await pick(page, "slow");
  await say(page, "kill the server");
  await midway(page);
  const turn = page.waitForResponse((response) => response.url().includes("/events"), { timeout: 30000 }).catch(() => null);
  const id = await underWay(page).getAttribute("data-id");
  const session = page.url().split("/c/")[1];
  const { running } = await (await page.request.get(`${house.base}/api/sessions/${session}`)).json();
  await house.site.kill(running[0].pod);
  if (!FLEET) await by(page, "connection").and(page.locator(':not([data-status="connected"])')).waitFor();
  await house.site.revive();
  await finished(page, 1);
  await turn;
  assert.equal(await replies(page).first().getAttribute("data-id"), id);
  const { metadata } = await stored(page, id);
  assert.equal(metadata.seams.length, 1);
  await by(replies(page), "figures").click();
  await by(page, "figures-panel").filter({ hasText: metadata.pod }).waitFor();
  await page.keyboard.press("Escape");
  await whole(page);
  await done(page);
});

test("two tabs on one conversation are in step", async () => {
  const first = await house.visit();
  await pick(first, "slow");
  await say(first, "seen by both");
  await midway(first, 30);
  const second = await house.tab(first.context(), new URL(first.url()).pathname);
  await midway(second, 60);
  await finished(first, 1);
  await finished(second, 1);
  await say(second, "and from the other side");
  await midway(first, 30);
  assert.equal(await prompts(first).count(), 2);
  await finished(first, 2);
  await finished(second, 2);
  await whole(first);
  await whole(second);
  await done(first);
});

test("Stop keeps what there is", async () => {
  const page = await house.visit();
  await pick(page, "slow");
  await say(page, "stop me");
  await midway(page);
  await by(page, "stop").click();
  await finished(page, 1, "stopped");
  const { status, content } = await stored(page, await replies(page).first().getAttribute("data-id"));
  assert.equal(status, "stopped");
  assert.ok(content);
  await whole(page);
  await done(page);
});

test("regenerate and edit make branches to walk between", async () => {
  const page = await house.visit();
  await pick(page, "quick");
  await say(page, "first question");
  await finished(page, 1);
  const first = await replies(page).first().getAttribute("data-id");
  await replies(page).first().hover();
  await by(replies(page).first(), "regenerate").click();
  await by(replies(page).first(), "versions").filter({ hasText: /2\s*\/\s*2/ }).waitFor();
  await finished(page, 1);
  assert.notEqual(await replies(page).first().getAttribute("data-id"), first);
  await say(page, "second question");
  await finished(page, 2);
  await prompts(page).first().hover();
  await by(prompts(page).first(), "edit").click();
  await by(page, "edit-text").fill("first question, put better");
  await by(page, "edit-send").click();
  await prompts(page).filter({ hasText: "put better" }).waitFor();
  await finished(page, 1);
  assert.equal(await prompts(page).count(), 1);
  await whole(page);
  await prompts(page).first().hover();
  await by(prompts(page).first(), "version-previous").click();
  await prompts(page).filter({ hasText: "second question" }).waitFor();
  assert.equal(await replies(page).count(), 2);
  await replies(page).first().hover();
  await by(replies(page).first(), "version-previous").click();
  await page.waitForFunction((id) => document.querySelector('[data-testid="message"][data-role="assistant"]').dataset.id === id, first);
  assert.deepEqual(page.faults, []);
  await done(page);
});

const lines = (count) => Array.from({ length: count }, (_, k) => `Line ${k}.`).join("\n\n");

for (const [where, before, after] of [["alone", 0, 0], ["in the middle", 12, 6], ["near the end", 12, 0]]) {
  test(`versions of different heights, ${where}, are walked through without moving the pointer`, async () => {
    const page = await house.visit({ viewport: { width: 1200, height: 800 } });
    const heights = [2, 40, 1, 9, 25];
    const said = exchanges(before);
    said.push({ id: "q", text: "Which?", ...(before > 0 && { after: `r${before - 1}` }) }, ...heights.map((count, k) => ({ id: `rv${k}`, text: lines(count), after: "q" })));
    for (let k = 0; k < after; k++) said.push({ id: `qa${k}`, text: "And then?", after: k === 0 ? "rv4" : `ra${k - 1}` }, { id: `ra${k}`, text: lines(4), after: `qa${k}` });
    await conversation(page, "versions", said);
    const walked = by(page, "versions").filter({ hasText: "/5" });
    const place = async (id) => {
      const box = await by(page, id).boundingBox();
      return { x: box.x + box.width / 2, y: box.y + box.height / 2 };
    };
    await walked.scrollIntoViewIfNeeded();
    if (where === "near the end") {
      await by(page, "transcript").hover();
      await page.mouse.wheel(0, -40); // at the very end the view is kept there anyway
      await page.waitForTimeout(300);
    }
    for (const [id, numbers] of [["version-previous", [4, 3, 2, 1]], ["version-next", [2, 3, 4, 5]]]) {
      const { x, y } = await place(id);
      for (const number of numbers) {
        await page.mouse.click(x, y);
        await walked.filter({ hasText: `${number}/5` }).waitFor({ timeout: 3000 });
        await page.waitForTimeout(150); // what comes after the first frame moves nothing either
        const now = await place(id);
        assert.ok(Math.abs(now.y - y) < 2 && Math.abs(now.x - x) < 2, `${id} to ${number}: from ${y} to ${now.y}`);
      }
    }
    await page.mouse.move(5, 5);
    await page.waitForTimeout(100);
    const gap = await walked.evaluate((one) => one.closest(".foot").getBoundingClientRect().top - one.closest("article").querySelector(".md").getBoundingClientRect().bottom);
    assert.ok(gap < 20, `there is a gap of ${gap} px left`);
    assert.deepEqual(page.faults, []);
    await done(page);
  });
}

test("an edit that was not sent is there again after a refresh and after another conversation", async () => {
  const page = await house.visit();
  await conversation(page, "elsewhere", exchanges(1));
  await conversation(page, "edited", exchanges(40));
  const { pathname } = new URL(page.url());
  const field = by(page, "edit-text");
  const holds = (text) => page.waitForFunction((value) => document.querySelector('[data-testid="edit-text"]')?.value === value, text);
  await by(page, "transcript").focus();
  await page.keyboard.press("Home");
  const first = prompts(page).filter({ hasText: "Question 2?" });
  await first.hover();
  await by(first, "edit").click();
  await field.fill("Question 2, put bet");
  await page.reload();
  await holds("Question 2, put bet");
  await page.waitForFunction(() => document.activeElement.dataset.testid === "edit-text");
  await page.waitForTimeout(300);
  const box = await field.boundingBox();
  assert.ok(box.y > 0 && box.y < 720, "it is out of view");
  await field.fill("Question 2, put better");
  await by(page, "session").filter({ hasText: "elsewhere" }).click();
  await field.waitFor({ state: "detached" });
  await by(page, "session").filter({ hasText: "edited" }).click();
  await holds("Question 2, put better");
  await field.press("Escape");
  await field.waitFor({ state: "detached" });
  await page.reload();
  await prompts(page).first().waitFor();
  await page.waitForTimeout(500);
  assert.equal(await field.count(), 0);
  assert.equal(new URL(page.url()).pathname, pathname);
  assert.deepEqual(await page.evaluate(() => Object.keys(localStorage).filter((name) => name.startsWith("antiphon.edit."))), []);
  await done(page);
});

test("an edit of another branch than the newest comes back on its branch, and sending it ends it", async () => {
  const page = await house.visit();
  await pick(page, "quick");
  await conversation(page, "branches", [{ id: "q1", text: "first" }, { id: "r1", text: "reply", after: "q1" }, { id: "q2", text: "second" }, { id: "r2", text: "another", after: "q2" }]);
  await by(page, "version-previous").click();
  await prompts(page).filter({ hasText: "first" }).hover();
  await by(page, "edit").click();
  await by(page, "edit-text").fill("first, put better");
  await page.reload();
  await page.waitForFunction(() => document.querySelector('[data-testid="edit-text"]')?.value === "first, put better");
  await by(page, "edit-send").click();
  await prompts(page).filter({ hasText: "put better" }).waitFor();
  await finished(page, 1);
  await page.reload();
  await replies(page).first().waitFor();
  await page.waitForTimeout(300);
  assert.equal(await by(page, "edit-text").count(), 0);
  await done(page);
});

test("another bot or model answers once more, also where the first one failed", async () => {
  const page = await house.visit();
  await pick(page, "broken");
  await say(page, "echo me");
  await finished(page, 1, "failed");
  await by(replies(page), "regenerate-with").click();
  await page.getByRole("menuitem", { name: MODELS.quick }).click();
  await finished(page, 1);
  assert.equal((await stored(page, await replies(page).first().getAttribute("data-id"))).metadata.model, `test/${MODELS.quick}`);
  await by(replies(page), "regenerate-with").click();
  await page.getByRole("menuitem", { name: "Echo", exact: true }).click();
  await replies(page).filter({ hasText: "echo me" }).waitFor();
  await finished(page, 1);
  assert.equal((await stored(page, await replies(page).first().getAttribute("data-id"))).sender, "echo");
  await by(prompts(page), "versions").filter({ hasText: /2\s*\/\s*2/ }).waitFor();
  await whole(page);
  await done(page);
});

test("who answers is shown at once, as it was known the last time", async () => {
  const page = await house.visit();
  await pick(page, "quick");
  const before = await by(page, "choice").boundingBox();
  await page.route(/\/api\/(bots|models)$/, () => undefined);
  await page.reload();
  await by(page, "choice").waitFor();
  assert.equal(await by(page, "choice").inputValue(), `model:test/${MODELS.quick}`);
  assert.deepEqual(await by(page, "choice").boundingBox(), before);
  await done(page);
});

test("thoughts are folded, failures say what happened and can be tried again", async () => {
  const page = await house.visit();
  await pick(page, "thinking");
  await say(page, "think");
  await finished(page, 1);
  assert.equal(await replies(page).locator("details").first().getAttribute("open"), null);
  assert.ok((await replies(page).locator("details").first().textContent()).length > 20);
  await pick(page, "broken");
  await say(page, "break");
  await finished(page, 2, "failed");
  await replies(page).nth(1).filter({ hasText: /provider refused/i }).waitFor();
  await pick(page, "quick");
  await by(replies(page).nth(1), "retry").click();
  await finished(page, 2);
  await whole(page);
  await done(page);
});

test("a refusal with Retry-After is waited for, and the message is not lost", async () => {
  const page = await house.visit();
  const body = { status: 429, code: "rate_limited", detail: "Too many messages. Try again in 2 s.", retry_after: 2 };
  let refusals = 0;
  await page.route("**/api/sessions/*/messages", (route) => {
    if (route.request().method() !== "POST" || refusals++) return route.continue();
    return route.fulfill({ status: 429, contentType: "application/problem+json", headers: { "Retry-After": "2" }, body: JSON.stringify(body) });
  });
  const begun = Date.now();
  await say(page, "EU 42 in UK men's shoes");
  await finished(page, 1);
  assert.ok(Date.now() - begun > 1900, "asked again before it was time");
  assert.equal(refusals, 2);
  await whole(page);
  await done(page);
});

test("a message that is refused says why, and can be taken back or sent again", async () => {
  const page = await house.visit();
  const body = { status: 422, code: "invalid", detail: "This is not wanted here." };
  const path = "**/api/sessions/*/messages";
  await page.route(path, (route) => (route.request().method() === "POST"
    ? route.fulfill({ status: 422, contentType: "application/problem+json", body: JSON.stringify(body) }) : route.continue()));
  await say(page, "hat 58 cm");
  const refused = page.locator('[data-testid="message"][data-status="unsent"]');
  await refused.filter({ hasText: "This is not wanted here." }).waitFor();
  await page.unroute(path);
  await by(refused, "retry").click();
  await finished(page, 1);
  await whole(page);
  await done(page);
});
