// The page in a real browser: whatever happens in mid-reply, in the end the screen shows what is stored.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { House, MODELS } from "./harness.mjs";

const house = new House();
before(() => house.open());
after(() => house.close());

const replies = (page) => page.locator("article.reply");
const running = (page) => page.locator('article.reply[data-status="running"]');
const pick = (page, name) => page.locator("#voice").selectOption(name in MODELS ? `model:scripted/${MODELS[name]}` : `bot:${name}`);

async function say(page, text) {
  await page.fill("#text", text);
  await page.press("#text", "Enter");
}
async function finished(page, count, state = "complete") {
  await page.locator("article.reply").nth(count - 1).and(page.locator(`[data-status="${state}"]`)).waitFor();
  await running(page).waitFor({ state: "detached" });
}
async function midway(page, characters = 60) {
  await page.waitForFunction((n) => (document.querySelector('article.reply[data-status="running"] .md')?.textContent.length ?? 0) > n, characters);
}
const stored = async (page, id) => (await page.request.get(`${house.base}/api/messages/${id}`)).json();

// What Copy gives is the stored text, and what was drawn while it streamed is what the stored text gives anew.
async function whole(page) {
  const ids = await replies(page).evaluateAll((all) => all.map((one) => one.dataset.id));
  assert.ok(ids.length);
  for (const [k, id] of ids.entries()) {
    const message = await stored(page, id);
    if (!message.content) continue;
    await replies(page).nth(k).locator(".acts button", { hasText: "Copy" }).click();
    await page.waitForFunction(() => document.activeElement.textContent === "Copied");
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), message.content);
  }
  const drawn = () => page.locator("article .md, article .text").evaluateAll((all) => all.map((one) => one.innerHTML.replaceAll("Copied", "Copy")));
  const streamed = await drawn();
  await page.reload();
  await page.waitForFunction((n) => document.querySelectorAll("article.reply").length === n, ids.length);
  assert.deepEqual(await drawn(), streamed);
  assert.deepEqual(page.faults, []);
}
const done = (page) => page.context().close();

test("a first message gets a whole reply, with a table", async () => {
  const page = await house.visit();
  await page.locator(".hello li button").first().waitFor();
  await say(page, "My foot is 26.5 cm, which EU size?");
  await finished(page, 1);
  assert.match(await replies(page).first().locator("table").innerText(), /EU/);
  assert.match(await page.locator("#live").textContent(), /SizeBot/);
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
  assert.equal(await running(page).count(), 1);
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
  await page.locator('#link:not([data-state="ok"])').waitFor();
  const before = await page.locator(".md").textContent();
  await page.context().setOffline(false);
  await page.locator('#link[data-state="ok"]').waitFor();
  await page.waitForFunction((n) => document.querySelector(".md").textContent.length > n, before.length);
  await finished(page, 1);
  await whole(page);
  await done(page);
});

test("a message written without a network is sent once when it is back", async () => {
  const page = await house.visit();
  await page.context().setOffline(true);
  await say(page, "EU 42 in UK men's shoes");
  await page.locator('#link[data-state="offline"]').waitFor();
  await page.context().setOffline(false);
  await finished(page, 1);
  await page.locator("#sessions [aria-current]").waitFor();
  assert.equal(await page.locator("#sessions li").count(), 1);
  assert.equal(await page.locator("article.call").count(), 1);
  await whole(page);
  await done(page);
});

test("a server killed in mid-reply goes on with the same reply", async () => {
  const page = await house.visit();
  await pick(page, "slow");
  await say(page, "kill the server");
  await midway(page);
  const id = await running(page).getAttribute("data-id");
  await house.kill();
  await page.locator('#link:not([data-state="ok"])').waitFor();
  await house.serve();
  await finished(page, 1);
  assert.equal(await replies(page).first().getAttribute("data-id"), id);
  await page.locator(".by", { hasText: /after a server failure/ }).waitFor();
  await whole(page);
  await done(page);
});

test("Stop keeps what there is", async () => {
  const page = await house.visit();
  await pick(page, "slow");
  await say(page, "stop me");
  await midway(page);
  await page.click("#stop");
  await finished(page, 1, "stopped");
  const { status, content } = await stored(page, await replies(page).first().getAttribute("data-id"));
  assert.equal(status, "stopped");
  assert.ok(content);
  await whole(page);
  await done(page);
});

test("regenerate and edit make branches, and the newest is shown", async () => {
  const page = await house.visit();
  await pick(page, "quick");
  await say(page, "first question");
  await finished(page, 1);
  const first = await replies(page).first().getAttribute("data-id");
  await page.click('.reply .acts button:has-text("Regenerate")');
  await page.locator(".reply", { hasText: "2 of 2" }).waitFor();
  await finished(page, 1);
  assert.notEqual(await replies(page).first().getAttribute("data-id"), first);
  await say(page, "second question");
  await finished(page, 2);
  await page.locator(".call").first().getByRole("button", { name: "Edit" }).click();
  await page.locator(".call form textarea").fill("first question, put better");
  await page.press(".call form textarea", "Enter");
  await page.locator(".call", { hasText: "put better" }).waitFor();
  await finished(page, 1);
  assert.equal(await page.locator("article").count(), 2);
  await whole(page);
  await page.getByRole("button", { name: "Previous version" }).click();
  await page.locator(".call", { hasText: "second question" }).waitFor();
  assert.equal(await page.locator("article").count(), 4);
  await done(page);
});

test("reasoning is folded, failures say what happened and can be tried again", async () => {
  const page = await house.visit();
  await pick(page, "thinking");
  await say(page, "think");
  await finished(page, 1);
  assert.equal(await page.locator("details").getAttribute("open"), null);
  assert.ok((await page.locator("details div").textContent()).length > 20);
  await pick(page, "broken");
  await say(page, "break");
  await finished(page, 2, "failed");
  await page.locator(".trouble", { hasText: "The model's provider refused." }).waitFor();
  await pick(page, "quick");
  await page.click('.trouble button:has-text("Try again")');
  await finished(page, 2);
  await whole(page);
  await done(page);
});

test("a refusal with Retry-After is counted down, and the message is not lost", async () => {
  const page = await house.visit();
  const path = "**/api/sessions/*/messages";
  const body = { status: 429, code: "rate_limited", detail: "Too many messages. Try again in 2 s.", retry_after: 2 };
  await page.route(path, (route) => route.request().method() === "POST"
    ? route.fulfill({ status: 429, contentType: "application/problem+json", body: JSON.stringify(body) }) : route.continue());
  await say(page, "EU 42 in UK men's shoes");
  const again = page.locator(".trouble button").first();
  await page.locator(".trouble", { hasText: "That was too fast." }).waitFor();
  assert.match(await again.textContent(), /Try again in \d s/);
  await page.unroute(path);
  await again.click();
  await finished(page, 1);
  await whole(page);
  await done(page);
});

test("conversations are renamed, switched and deleted; drafts stay with theirs", async () => {
  const page = await house.visit();
  await say(page, "EU 38 dress in UK");
  await finished(page, 1);
  await page.click("#rename");
  await page.fill("#head input", "Dresses");
  await page.press("#head input", "Enter");
  await page.locator("#sessions button", { hasText: "Dresses" }).waitFor();
  await page.fill("#text", "half a thought");
  await page.click("#new");
  assert.equal(await page.inputValue("#text"), "");
  await say(page, "hat 58 cm");
  await finished(page, 1);
  await page.locator("#sessions button", { hasText: "Dresses" }).click();
  await page.waitForFunction(() => document.querySelector("#title").textContent === "Dresses");
  assert.equal(await page.inputValue("#text"), "half a thought");
  await page.click("#delete");
  await page.click('#sure button[value="yes"]');
  await page.waitForFunction(() => document.querySelectorAll("#sessions li").length === 1);
  assert.equal(await page.locator("#title").textContent(), "New conversation");
  await done(page);
});

test("hostile Markdown and HTML run nothing and load nothing", async () => {
  const page = await house.visit();
  const elsewhere = [];
  page.on("request", (request) => { if (!request.url().startsWith(house.base) && !request.url().startsWith("data:")) elsewhere.push(request.url()); });
  await page.evaluate(() => { window.hit = 0; });
  await pick(page, "echo");
  const text = [
    "<script>hit = 1</script> <img src=x onerror='hit = 1'> <svg/onload=hit=1>",
    "![i](http://192.0.2.1/i.png) [a](javascript:hit=1) [b](JaVaScRiPt:hit=1) [c](java\tscript:hit=1) [d](data:text/html,<script>hit=1</script>)",
    "[e](vbscript:x) [f](//192.0.2.1/x) [good](https://example.org/a_(b)) <iframe src='http://192.0.2.1/'></iframe>",
    "| <b>x</b> | [g](javascript:hit=1) |", "| --- | ---: |", "| `<script>` | <img src=x onerror=hit=1> |", "",
    "```html\n<script>hit = 1</script>\n```", "# <img src=x onerror=hit=1>", "- <style>*{display:none}</style>", "> [h](javascript:hit=1)", "",
    ">".repeat(300) + "*".repeat(300) + "[".repeat(300) + "`".repeat(300), "- ".repeat(30), "_a**b".repeat(300),
  ].join("\n");
  await say(page, text);
  await finished(page, 1);
  assert.equal(await page.evaluate(() => window.hit), 0);
  assert.equal(await page.locator("article :is(script, img, svg, iframe, style)").count(), 0);
  const links = await page.locator("article a").evaluateAll((all) => all.map((one) => [one.href, one.rel]));
  assert.ok(links.length);
  for (const [href, rel] of links) {
    assert.match(href, /^https?:/);
    assert.match(rel, /noopener/);
  }
  assert.deepEqual(elsewhere, []);
  // What is made to be slow to read is drawn in no time all the same.
  for (const piece of ["*", "**a ", "[", "[a](", "`", "``a` ", "> ", ">", "- ", "_a **b ", "| ", "|-", "#", "~~a ", "http://a", "\\", "1. a\n", "  - a\n", "a\n\n", "```\n", "|a|\n|-|\n"]) {
    const took = await page.evaluate((text) => { const begun = performance.now(); drawMarkdown(document.createElement("div"), text, true); return performance.now() - begun; }, piece.repeat(20000));
    assert.ok(took < 1500, `${JSON.stringify(piece)} takes ${Math.round(took)} ms`);
  }
  await whole(page);
  await done(page);
});

test("the keyboard is enough", async () => {
  const page = await house.visit({ reducedMotion: "reduce" });
  const reach = async (selector) => {
    for (let k = 0; k < 40; k++) {
      if (await page.evaluate((one) => document.activeElement.matches(one), selector)) return;
      await page.keyboard.press("Tab");
    }
    assert.fail(`${selector} is not reached by Tab`);
  };
  await page.waitForFunction(() => document.activeElement.id === "text");
  await page.keyboard.type("one");
  await page.keyboard.press("Shift+Enter");
  await page.keyboard.type("two");
  await reach("#voice");
  await page.keyboard.type("scripted/test-8");
  await page.keyboard.press("Enter");
  assert.equal(await page.inputValue("#voice"), `model:scripted/${MODELS.slow}`);
  await page.focus("#text");
  await page.keyboard.press("Enter");
  await midway(page, 30);
  await page.keyboard.press("Escape");
  await finished(page, 1, "stopped");
  assert.equal(await page.locator(".call .text").textContent(), "one\ntwo");
  await reach("#rename");
  await page.keyboard.press("Enter");
  await page.keyboard.type("By hand");
  await page.keyboard.press("Enter");
  await page.locator("#sessions button", { hasText: "By hand" }).waitFor();
  await reach("#delete");
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.querySelector("#sure").open);
  await reach("#sure [value=yes]");
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => !document.querySelector("#sessions li"));
  assert.deepEqual(page.faults, []);
  await done(page);
});

test("nothing overflows on a phone, and the conversations open over the page", async () => {
  const page = await house.visit({ viewport: { width: 320, height: 640 }, hasTouch: true });
  await say(page, "bust 92 waist 74 hips 100 " + "x".repeat(300));
  await finished(page, 1);
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 320);
  assert.ok(await page.locator("#scroll").evaluate((one) => one.scrollWidth <= one.clientWidth));
  await page.click("#menu");
  await page.waitForFunction(() => document.activeElement.id === "new");
  await page.keyboard.press("Escape");
  await page.locator("#new").waitFor({ state: "hidden" });
  await done(page);
});

test("the API reference lists the operations and tries one", async () => {
  const page = await house.visit();
  await page.goto(`${house.base}/docs`);
  const operation = page.locator("details.operation", { hasText: "/api/bots" }).first();
  await operation.locator("summary").first().click();
  await operation.getByRole("button", { name: "Send" }).click();
  await operation.locator(".answer", { hasText: "sizebot" }).waitFor();
  assert.deepEqual(page.faults, []);
  await done(page);
});

test("the API reference offers a body of each contract of a route", async () => {
  const page = await house.visit();
  await page.goto(`${house.base}/docs`);
  const operation = page.locator("details.operation", { hasText: "/api/chat" }).filter({ hasText: "post" }).first();
  await operation.locator("summary").first().click();
  await operation.getByLabel("example").selectOption("history exchange");
  await operation.getByRole("button", { name: "Send" }).click();
  await operation.locator(".answer", { hasText: "UK" }).waitFor();
  assert.deepEqual(page.faults, []);
  await done(page);
});
