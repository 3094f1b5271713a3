// Hostile Markdown and HTML run nothing and load nothing, on the page and in the widget.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { House } from "./harness.mjs";
import { by, done, finished, pick, replies, say } from "./steps.mjs";

const house = new House();
before(() => house.open());
after(() => house.close());

const vectors = JSON.parse(await readFile(new URL("../../../web/client/test/hostile/vectors.json", import.meta.url), "utf8"));
const texts = vectors.map((one) => (typeof one === "string" ? one : one.source ?? one.markdown ?? one.text));

/** Watch for scripts that run and requests to elsewhere. */
async function watched(page) {
  const trouble = [];
  await page.exposeFunction("tellOfHit", (what) => trouble.push(`ran: ${what}`));
  await page.evaluate(() => {
    for (const name of ["alert", "confirm", "prompt", "print"]) window[name] = () => window.tellOfHit(name);
  });
  page.on("dialog", (dialog) => { trouble.push(`dialog: ${dialog.message()}`); void dialog.dismiss(); });
  page.on("popup", (popup) => trouble.push(`popup: ${popup.url()}`));
  page.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith(house.base) && !url.startsWith("data:") && !url.startsWith("blob:")) trouble.push(`asked for: ${url}`);
  });
  page.on("framenavigated", (frame) => { if (!frame.url().startsWith(house.base)) trouble.push(`went to: ${frame.url()}`); });
  return trouble;
}

async function inert(page, place) {
  const found = await place.evaluateAll((all) => all.flatMap((one) => [...one.querySelectorAll("*")]).filter((node) =>
    /^(script|iframe|object|embed|style|link|meta|base|form|video|audio|source|img|image|use|foreignObject)$/i.test(node.localName)
    || [...node.attributes].some((attribute) => /^on/i.test(attribute.name) || /^(src|srcset|srcdoc|xlink:href|action|formaction|background|poster|ping)$/i.test(attribute.name))
    || (node.hasAttribute("href") && !/^(https?:|mailto:)/i.test(node.getAttribute("href")))).map((node) => node.outerHTML.slice(0, 200)));
  assert.deepEqual(found, []);
}

test("on the page", async () => {
  const page = await house.visit();
  const trouble = await watched(page);
  await pick(page, "echo");
  assert.ok(texts.length >= 100 && texts.every((text) => typeof text === "string"));
  page.setDefaultTimeout(60_000); // echo speaks at a human pace
  const size = 40;
  for (let k = 0, n = 1; k < texts.length; k += size, n++) {
    await say(page, texts.slice(k, k + size).join("\n\n"));
    await finished(page, n);
    await inert(page, by(page, "message-text"));
  }
  await page.reload();
  await replies(page).first().waitFor();
  await page.waitForTimeout(1000);
  await inert(page, by(page, "message-text"));
  // Clicking what can be clicked runs nothing either.
  await page.evaluate(() => document.querySelectorAll('[data-testid="message-text"] a').forEach((link) => {
    link.addEventListener("click", (event) => event.preventDefault());
    link.click();
  }));
  assert.deepEqual(trouble, []);
  await done(page);
});

test("as the title of a conversation and the name of a poster", async () => {
  const page = await house.visit();
  const trouble = await watched(page);
  await pick(page, "echo");
  await say(page, "<img src=x onerror=alert(1)> <script>alert(1)</script>");
  await finished(page, 1);
  await by(page, "session").filter({ hasText: "<img src=x" }).waitFor();
  await page.request.post(`${house.base}/api/chat`, { data: { sender: "<b onclick=alert(1)>x</b>", message: "<svg/onload=alert(1)>" } });
  await page.goto(`${house.base}/board`);
  await by(page, "post").filter({ hasText: "<svg/onload" }).waitFor();
  await inert(page, by(page, "post"));
  assert.deepEqual(trouble, []);
  await done(page);
});

test("in the widget", async () => {
  const page = await house.visit({ path: "/widget-demo" });
  const trouble = await watched(page);
  page.setDefaultTimeout(60_000);
  await by(page, "launcher").click();
  for (let k = 0; k < texts.length; k += 60) {
    await by(page, "widget-text").fill(texts.slice(k, k + 60).join("\n\n"));
    await by(page, "widget-text").press("Enter");
    await page.locator('[data-testid="message"][data-role="assistant"][data-status="complete"]').nth(k / 60).waitFor();
    await inert(page, by(page, "message"));
  }
  assert.deepEqual(trouble, []);
  await done(page);
});
