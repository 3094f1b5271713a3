// The widget on a shop's pages, which are of another origin and have a strict policy of their own.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { accessible } from "./axe.mjs";
import { freePort, House } from "./harness.mjs";
import { by, done } from "./steps.mjs";

const house = new House();
let shop;
let origin;

const pages = {
  "/": (attributes) => `<!doctype html><html lang="en"><title>Shoes</title><h1>Shoes</h1><a href="/bags">Bags</a>
    <script src="${house.base}/widget.js" data-bot="echo" ${attributes} async></script></html>`,
  "/bags": (attributes) => `<!doctype html><html lang="en"><head><title>Bags</title>
    <script src="${house.base}/widget.js" data-bot="echo" ${attributes}></script></head><h1>Bags</h1></html>`,
  "/module": () => `<!doctype html><html lang="en"><title>Module</title><h1>Module</h1><script type="module" src="/module.js"></script></html>`,
};

before(async () => {
  const port = await freePort();
  origin = `http://127.0.0.1:${port}`;
  await house.open({ ANTIPHON_ALLOWED_ORIGINS: origin });
  shop = createServer((request, response) => {
    const url = new URL(request.url, origin);
    if (url.pathname === "/module.js") {
      response.setHeader("Content-Type", "text/javascript");
      response.end(`import { mount } from "${house.base}/widget.mjs"; mount({ server: "${house.base}", bot: "echo", title: "By module" });`);
      return;
    }
    const page = pages[url.pathname];
    response.setHeader("Content-Type", "text/html");
    response.setHeader("Content-Security-Policy",
      `default-src 'none'; script-src 'self' ${house.base}; connect-src ${house.base}; base-uri 'none'; form-action 'none'`);
    response.statusCode = page ? 200 : 404;
    response.end(page ? page(url.searchParams.get("with") ?? "") : "");
  }).listen(port, "127.0.0.1");
});
after(async () => {
  shop.close();
  await house.close();
});

/** The shop's page, and what the widget made of it. */
async function visit(path = "/", attributes = "", options = {}) {
  const page = await house.visit({ path: "/health", ...options });
  await page.goto(`${origin}${path}?with=${encodeURIComponent(attributes)}`);
  return page;
}
const messages = (page, role) => page.locator(`[data-testid="message"][data-role="${role}"]`);
async function ask(page, text) {
  await by(page, "widget-text").fill(text);
  await by(page, "widget-text").press("Enter");
}
async function answered(page, count) {
  await messages(page, "assistant").nth(count - 1).and(page.locator('[data-status="complete"]')).waitFor();
}
const panel = (page) => by(page, "panel");
const focusedOn = (page, id) =>
  page.waitForFunction((wanted) => document.querySelector("antiphon-chat").shadowRoot.activeElement?.dataset.testid === wanted, id);

test("it opens, answers, minimises and closes, on a page of another origin", async () => {
  const page = await visit();
  await by(page, "launcher").click();
  await focusedOn(page, "widget-text");
  await ask(page, "**bold** and `code`");
  await answered(page, 1);
  assert.equal(await messages(page, "assistant").locator("strong").innerText(), "bold");
  await page.keyboard.press("Escape");
  await panel(page).and(page.locator('[data-state="minimised"]')).waitFor();
  await focusedOn(page, "widget-restore");
  await by(page, "widget-restore").click();
  await focusedOn(page, "widget-text");
  await answered(page, 1);
  await by(page, "widget-minimise").click();
  await by(page, "widget-restore").click();
  await by(page, "widget-close").click();
  await panel(page).waitFor({ state: "hidden" });
  await focusedOn(page, "launcher");
  assert.deepEqual(page.faults, []);
  await done(page);
});

test("a reply under way goes on after the shop's page is left for another", async () => {
  const page = await visit();
  await by(page, "launcher").click();
  await ask(page, `${"word ".repeat(400)}end.`);
  await messages(page, "assistant").waitFor();
  await page.goto(`${origin}/bags?with=`);
  await answered(page, 1);
  assert.match(await by(messages(page, "assistant"), "message-text").innerText(), /end\.$/);
  assert.equal(await messages(page, "user").count(), 1);
  await page.reload();
  await answered(page, 1);
  assert.deepEqual(page.faults, []);
  await done(page);
});

test("the text on the screen is the stored text, after the network was gone", async () => {
  const page = await visit();
  await by(page, "launcher").click();
  await page.context().setOffline(true);
  await ask(page, "said without a network");
  await page.waitForTimeout(800);
  await page.context().setOffline(false);
  await answered(page, 1);
  const id = await messages(page, "assistant").getAttribute("data-id");
  const key = await page.evaluate(() => Object.values(localStorage).map((text) => /[\w-]{30,}/.exec(text)?.[0]).filter(Boolean));
  const tries = await Promise.all(key.map((one) => page.request.get(`${house.base}/api/messages/${id}`, { headers: { Authorization: `Bearer ${one}` } })));
  const found = tries.find((response) => response.ok());
  assert.ok(found, "the message is stored for the visitor's key");
  assert.equal((await found.json()).content.trim(), (await by(messages(page, "assistant"), "message-text").innerText()).trim());
  assert.equal(await messages(page, "user").count(), 1);
  await done(page);
});

test("the chat is back where a page's body was exchanged and its script run again, and goes on with its reply", async () => {
  const page = await visit();
  await by(page, "launcher").click();
  await ask(page, `${"word ".repeat(300)}end.`);
  await messages(page, "assistant").waitFor();
  await page.evaluate(() => {
    const { src, dataset } = document.querySelector("script");
    document.body.replaceWith(document.createElement("body"));
    const again = Object.assign(document.createElement("script"), { src });
    Object.assign(again.dataset, dataset);
    document.body.append(again);
  });
  await answered(page, 1);
  assert.match(await by(messages(page, "assistant"), "message-text").innerText(), /end\.$/);
  assert.equal(await page.locator("antiphon-chat").count(), 1);
  assert.deepEqual(page.faults, []);
  await done(page);
});

test("what is said while the conversation is still being read is sent, also from the page after", async () => {
  const page = await visit();
  await by(page, "launcher").click();
  await ask(page, "first");
  await answered(page, 1);
  // The answer to this never comes; what is asked of the next page is answered.
  await page.route(/\/api\/sessions\/[^/]+$/, () => undefined, { times: 1 });
  await page.reload();
  await by(page, "widget-text").waitFor();
  await ask(page, "said early");
  await messages(page, "user").filter({ hasText: "said early" }).waitFor();
  await page.reload();
  await answered(page, 2);
  assert.deepEqual(await messages(page, "user").allInnerTexts().then((all) => all.map((text) => /first|said early/.exec(text)?.[0])), ["first", "said early"]);
  assert.deepEqual(page.faults, []);
  await done(page);
});

test("another visitor does not see it, and a new conversation begins empty", async () => {
  const page = await visit();
  await by(page, "launcher").click();
  await ask(page, "mine");
  await answered(page, 1);
  const other = await visit();
  await by(other, "launcher").click();
  await by(other, "widget-text").waitFor();
  assert.equal(await messages(other, "user").count(), 0);
  await by(page, "widget-new").click();
  await messages(page, "user").waitFor({ state: "detached" });
  await ask(page, "another matter");
  await answered(page, 1);
  await done(page);
  await done(other);
});

test("attributes change its looks, bad ones are told and change nothing", async () => {
  const warnings = [];
  const page = await house.visit({ path: "/health" });
  page.on("console", (message) => { if (message.type() === "warning") warnings.push(message.text()); });
  const attributes = 'data-accent="#00aa55" data-position="start" data-theme="dark" data-title="Ask us" data-language="ar" data-radius="bogus;}"';
  await page.goto(`${origin}/?with=${encodeURIComponent(attributes)}`);
  await by(page, "launcher").click();
  await panel(page).filter({ hasText: "Ask us" }).waitFor();
  assert.equal(await panel(page).evaluate((one) => getComputedStyle(one).direction), "rtl");
  assert.ok(warnings.some((text) => /radius/.test(text)), JSON.stringify(warnings));
  assert.deepEqual(page.faults, []);
  await done(page);
});

test("it is there as a module", async () => {
  const page = await visit("/module");
  await by(page, "launcher").click();
  await panel(page).filter({ hasText: "By module" }).waitFor();
  await ask(page, "hello");
  await answered(page, 1);
  assert.deepEqual(page.faults, []);
  await done(page);
});

test("an origin that is not on the list gets nothing, and the widget says so", async () => {
  const page = await house.visit({ path: "/health" });
  const port = await freePort();
  const stranger = createServer((_, response) => { response.setHeader("Content-Type", "text/html"); response.end(pages["/"]("")); }).listen(port, "127.0.0.1");
  await page.goto(`http://127.0.0.1:${port}/`);
  await by(page, "launcher").click();
  await ask(page, "let me in");
  await page.waitForTimeout(1500);
  assert.equal(await messages(page, "assistant").and(page.locator('[data-status="complete"]')).count(), 0);
  stranger.close();
  await done(page);
});

test("the demo page shows it, and axe finds nothing", async () => {
  for (const colorScheme of ["light", "dark"]) {
    for (const width of [390, 1440]) {
      const page = await house.visit({ path: "/widget-demo", colorScheme, viewport: { width, height: 900 }, reducedMotion: "reduce" });
      await by(page, "launcher").waitFor();
      await accessible(page, "closed");
      await by(page, "launcher").click();
      await ask(page, "My foot is 26.5 cm, which EU size?");
      await answered(page, 1);
      await page.waitForTimeout(300);
      await accessible(page, `open, ${colorScheme}, ${width} px`);
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), width);
      assert.deepEqual(page.faults, []);
      await done(page);
    }
  }
});
