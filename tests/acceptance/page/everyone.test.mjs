// Language, theme, keyboard, small screens, assistive technology.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { accessible } from "./axe.mjs";
import { House, MODELS } from "./harness.mjs";
import { by, conversation, done, exchanges, finished, midway, pick, prompts, replies, say } from "./steps.mjs";

const house = new House();
before(() => house.open());
after(() => house.close());

const language = (page) => page.evaluate(() => [document.documentElement.lang, document.documentElement.dir]);
const paper = (page) => page.evaluate(() => getComputedStyle(document.body).backgroundColor);

test("the browser's language is used, and another can be chosen", async () => {
  const page = await house.visit({ locale: "de-DE" });
  await by(page, "new-chat").filter({ hasText: /Unterhaltung|Chat|Gespräch/ }).waitFor();
  assert.deepEqual(await language(page), ["de", "ltr"]);
  await by(page, "settings").click();
  await by(page, "language").selectOption("ar");
  await page.waitForFunction(() => document.documentElement.dir === "rtl");
  await page.reload();
  await by(page, "composer").waitFor();
  assert.deepEqual(await language(page), ["ar", "rtl"]);
  await say(page, "EU 42");
  await finished(page, 1);
  assert.deepEqual(page.faults, []);
  await done(page);
});

for (const locale of ["en", "fr", "de", "es", "ja", "ar"]) {
  test(`in ${locale} no text is missing and nothing overflows`, async () => {
    const page = await house.visit({ locale, viewport: { width: 360, height: 740 }, hasTouch: true });
    await pick(page, "quick");
    await say(page, "EU 42");
    await finished(page, 1);
    await by(page, "menu").click();
    await by(page, "settings").click();
    await by(page, "language").waitFor();
    const text = await page.evaluate(() => document.body.innerText);
    assert.doesNotMatch(text, /\b(shell|conversation|board|status)[.:][a-z]/i, "a key instead of a text");
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 360);
    assert.deepEqual(page.faults, []);
    await done(page);
  });
}

test("the theme is the system's, and another can be chosen", async () => {
  const page = await house.visit({ colorScheme: "dark" });
  await by(page, "composer").waitFor();
  const dark = await paper(page);
  await by(page, "settings").click();
  await by(page, "theme").selectOption("light");
  await page.waitForFunction((old) => getComputedStyle(document.body).backgroundColor !== old, dark);
  const light = await paper(page);
  await page.reload();
  await by(page, "composer").waitFor();
  assert.equal(await paper(page), light);
  await done(page);
});

test("the keyboard is enough", async () => {
  const page = await house.visit({ reducedMotion: "reduce" });
  const reach = async (id) => {
    for (let k = 0; k < 60; k++) {
      if (await page.evaluate((one) => document.activeElement.closest(`[data-testid="${one}"]`) !== null, id)) return;
      await page.keyboard.press("Tab");
    }
    assert.fail(`${id} is not reached by Tab`);
  };
  await page.waitForFunction(() => document.activeElement.dataset.testid === "composer");
  await page.keyboard.type("one");
  await page.keyboard.press("Shift+Enter");
  await page.keyboard.type("two");
  await reach("choice");
  await page.keyboard.type("test-8");
  await page.waitForFunction((name) => document.querySelector('[data-testid="choice"]').value === `model:test/${name}`, MODELS.slow);
  await page.keyboard.press("Escape");
  await by(page, "composer").focus();
  await page.keyboard.press("Enter");
  await midway(page, 30);
  await page.keyboard.press("Escape");
  await finished(page, 1, "stopped");
  assert.equal(await by(prompts(page), "message-text").innerText(), "one\ntwo");
  await reach("regenerate");
  await page.keyboard.press("Shift+Tab");
  for (let k = 0; k < 60 && !await page.evaluate(() => document.activeElement.dataset.testid === "conversation-menu"); k++) await page.keyboard.press("Shift+Tab");
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.activeElement.dataset.testid === "session-rename");
  await page.keyboard.press("End");
  await page.waitForFunction(() => document.activeElement.dataset.testid === "session-delete");
  await page.keyboard.press("Escape");
  await page.waitForFunction(() => document.activeElement.dataset.testid === "conversation-menu");
  await reach("session");
  await page.keyboard.press("F2");
  await page.keyboard.press("Control+A");
  await page.keyboard.type("By hand");
  await page.keyboard.press("Enter");
  await by(page, "session").filter({ hasText: "By hand" }).waitFor();
  await reach("session-menu");
  await page.keyboard.press("Enter");
  await by(page, "session-delete").waitFor();
  for (let k = 0; k < 12 && !await page.evaluate(() => document.activeElement.dataset.testid === "session-delete"); k++) await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await by(page, "session").waitFor({ state: "detached" });
  await reach("undo");
  await page.keyboard.press("Enter");
  await by(page, "session").filter({ hasText: "By hand" }).waitFor();
  assert.deepEqual(page.faults, []);
  await done(page);
});

for (const colorScheme of ["light", "dark"]) {
  for (const width of [390, 1440]) {
    test(`axe finds nothing, ${colorScheme}, ${width} px`, async () => {
      const page = await house.visit({ colorScheme, viewport: { width, height: 900 }, reducedMotion: "reduce" });
      await by(page, "composer").waitFor();
      await accessible(page, "empty");
      await pick(page, "echo");
      await say(page, "# Title\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n```python\nprint('x')  # y\n```\n\n- [ ] task\n\n$x^2$ [link](https://example.org/)");
      await finished(page, 1);
      await page.waitForTimeout(1000);
      await accessible(page, "a reply");
      await pick(page, "broken");
      await say(page, "break");
      await finished(page, 2, "failed");
      await by(replies(page).nth(1), "retry").waitFor();
      await accessible(page, "a failure");
      await by(replies(page).first(), "figures").click();
      await by(page, "figures-panel").waitFor();
      await accessible(page, "figures");
      await page.keyboard.press("Escape");
      await by(page, "conversation-menu").click();
      await accessible(page, "the menu at the head");
      await page.keyboard.press("Escape");
      if (width < 600) await by(page, "menu").click();
      await by(page, "session").first().hover();
      await by(page, "session-menu").first().click();
      await accessible(page, "a menu");
      await page.keyboard.press("Escape");
      await by(page, "settings").click();
      await by(page, "language").waitFor();
      await accessible(page, "settings");
      await done(page);
    });
  }
}

test("nothing overflows on a small phone, and the conversations open over the page", async () => {
  const page = await house.visit({ viewport: { width: 320, height: 640 }, hasTouch: true });
  await pick(page, "echo");
  await say(page, `bust 92 waist 74 hips 100 ${"x".repeat(300)}\n\n| ${"wide | ".repeat(30)}\n|${"---|".repeat(30)}\n`);
  await finished(page, 1);
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 320);
  await by(page, "conversation-menu").click();
  const menu = await page.getByRole("menu").boundingBox();
  assert.ok(menu.x >= 0 && menu.x + menu.width <= 320, JSON.stringify(menu));
  await page.keyboard.press("Escape");
  await by(page, "menu").click();
  await by(page, "new-chat").waitFor();
  await page.keyboard.press("Escape");
  await by(page, "new-chat").waitFor({ state: "hidden" });
  await page.waitForFunction(() => document.activeElement.dataset.testid === "menu");
  await done(page);
});

test("a reply is announced when it is whole, not by each token", async () => {
  const page = await house.visit();
  await pick(page, "slow");
  await page.evaluate(() => {
    window.announced = [];
    const live = document.querySelector('[data-testid="live"]');
    new MutationObserver(() => window.announced.push(live.textContent)).observe(live, { childList: true, characterData: true, subtree: true });
  });
  await say(page, "read me");
  await finished(page, 1);
  await page.waitForTimeout(500);
  const announced = (await page.evaluate(() => window.announced)).filter(Boolean);
  assert.ok(announced.length >= 1 && announced.length <= 6, JSON.stringify(announced));
  const text = await by(replies(page), "message-text").innerText();
  assert.ok(announced.some((one) => one.includes(text.slice(0, 20).trim().split(/\s+/)[0])), JSON.stringify(announced));
  await done(page);
});

test("a long reply is printed whole, over several pages, without controls and in light colours", async () => {
  const page = await house.visit({ colorScheme: "dark" });
  await pick(page, "echo");
  await say(page, Array.from({ length: 120 }, (_, k) => `Paragraph ${k}.`).join("\n\n"));
  await finished(page, 1);
  const pdf = (await page.pdf({ format: "A4" })).toString("latin1");
  assert.ok(pdf.match(/\/Type\s*\/Page\b/g).length >= 4, "the reply is cut at one screen");
  await page.emulateMedia({ media: "print", colorScheme: "dark" });
  for (const id of ["composer", "session-list", "settings", "copy"]) assert.equal(await by(page, id).first().isVisible(), false, id);
  assert.ok(await prompts(page).getByText("Paragraph 119.").isVisible());
  const folded = prompts(page).locator(".text").first();
  assert.ok(await folded.evaluate((one) => one.scrollHeight <= one.clientHeight + 1), "what was asked is folded");
  assert.equal(await page.evaluate(() => getComputedStyle(document.documentElement).getPropertyValue("--paper").trim()), "#fbf9f4");
  await done(page);
});

test("all of a long conversation is printed, and the reader is back in place after it", async () => {
  const page = await house.visit();
  await conversation(page, "long", exchanges(150, (k) => `Reply ${k}, with $x^{${k}}$.`));
  await by(page, "transcript").focus();
  await page.keyboard.press("Home");
  await prompts(page).filter({ hasText: "Question 2?" }).scrollIntoViewIfNeeded();
  await page.mouse.move(600, 300);
  await page.mouse.wheel(0, 500);
  await page.waitForTimeout(300);
  const seen = () => page.evaluate(() => [...document.querySelectorAll('[data-testid="message"]')].map((one) => [one.dataset.id, Math.round(one.getBoundingClientRect().top)]).filter(([, top]) => top > 0 && top < 700));
  const [drawnThen, seenThen] = [await page.locator('[data-testid="message"]').count(), await seen()];
  assert.ok(drawnThen <= 60);
  await page.evaluate(() => addEventListener("beforeprint", () => { window.printed = document.querySelectorAll('[data-testid="message"]').length; }));
  const pdf = (await page.pdf({ format: "A4" })).toString("latin1");
  assert.equal(await page.evaluate(() => window.printed), 300);
  assert.ok(pdf.match(/\/Type\s*\/Page\b/g).length >= 8, "messages are missing on paper");
  await page.waitForTimeout(300);
  assert.ok(await page.locator('[data-testid="message"]').count() <= 60);
  assert.deepEqual(await seen(), seenThen);
  await page.evaluate(() => { window.print = () => { window.formulas = document.querySelectorAll(".math.typeset").length; dispatchEvent(new Event("beforeprint")); dispatchEvent(new Event("afterprint")); }; window.printed = 0; });
  await by(page, "conversation-menu").click();
  await by(page, "session-print").click();
  await page.waitForFunction(() => window.printed === 300);
  assert.equal(await page.evaluate(() => window.formulas), 150);
  await page.waitForTimeout(300);
  assert.deepEqual(await seen(), seenThen);
  assert.deepEqual(page.faults, []);
  await done(page);
});

test("what has not been loaded is loaded before it is printed, and paper says if it was not", async () => {
  const page = await house.visit();
  await conversation(page, "older", exchanges(120));
  const older = /\/messages\?.*before=/;
  await page.route(older, (route) => route.fulfill({ status: 503, body: "" }));
  await page.reload();
  await replies(page).last().waitFor();
  await page.evaluate(() => { window.printed = 0; window.print = () => { window.printed = 1; dispatchEvent(new Event("beforeprint")); window.printed = document.querySelectorAll('[data-testid="message"]').length; dispatchEvent(new Event("afterprint")); }; });
  const print = async () => {
    await by(page, "conversation-menu").click();
    await by(page, "session-print").click();
  };
  await print();
  await page.getByRole("alert").filter({ hasText: "Nothing was printed" }).waitFor({ timeout: 60000 });
  assert.equal(await page.evaluate(() => window.printed), 0);
  await page.emulateMedia({ media: "print" });
  await page.getByText("had not been loaded").waitFor();
  await page.emulateMedia({ media: "screen" });
  await page.unroute(older);
  await print();
  await page.waitForFunction(() => window.printed === 240);
  await page.emulateMedia({ media: "print" });
  assert.equal(await page.getByText("had not been loaded").isVisible(), false);
  await done(page);
});

test("what is wider than the page fades at the side where there is more", async () => {
  const table = `| ${"wide | ".repeat(40)}\n|${"---|".repeat(40)}\n| ${"cell | ".repeat(40)}`;
  const text = `${table}\n\n\`\`\`\n${"x".repeat(400)}\n\`\`\`\n\n| a | b |\n|---|---|\n| 1 | 2 |`;
  const arabic = text.replaceAll("wide", "عمود").replaceAll("cell", "خلية");
  for (const [locale, reply, ahead] of [["en", text, "right"], ["ar", arabic, "left"], ["ar", text, "right"]]) {
    const page = await house.visit({ locale, viewport: { width: 390, height: 800 }, reducedMotion: "reduce", forcedColors: "active" });
    await conversation(page, "wide", [{ id: "q", text: "?" }, { id: "r", text: reply, after: "q" }]);
    assert.match(await page.locator(".md .table").first().evaluate((one) => getComputedStyle(one).maskImage), new RegExp(`to ${ahead}`));
    assert.match(await page.locator(".md pre").evaluate((one) => getComputedStyle(one).maskImage), /to right/);
    const fades = (place) => place.evaluate((one) => ["--fade-start", "--fade-end"].map((name) => parseFloat(getComputedStyle(one).getPropertyValue(name)) > 10));
    const scroll = async (place, part) => {
      await place.evaluate((one, to) => { one.scrollLeft = (getComputedStyle(one).direction === "rtl" ? -1 : 1) * (one.scrollWidth - one.clientWidth) * to; }, part);
      await page.waitForTimeout(100);
    };
    for (const place of [page.locator(".md .table").first(), page.locator(".md pre")]) {
      for (const [part, sides] of [[0, [false, true]], [0.5, [true, true]], [1, [true, false]]]) {
        await scroll(place, part);
        assert.deepEqual(await fades(place), sides, `${locale}, ${part}`);
      }
    }
    assert.deepEqual(await fades(page.locator(".md .table").last()), [false, false]);
    await done(page);
  }
});

test("what the server says in English is told as English, for who asks", async () => {
  for (const [locale, open] of [["en", true], ["ar", false]]) {
    const page = await house.visit({ locale });
    await pick(page, "broken");
    await say(page, "break");
    await finished(page, 1, "failed");
    const detail = page.locator(".trouble p");
    assert.equal(await detail.isVisible(), open);
    if (!open) {
      await page.locator(".trouble summary").click();
      assert.deepEqual([await detail.getAttribute("lang"), await detail.getAttribute("dir")], ["en", "ltr"]);
      await accessible(page, "details");
    }
    await detail.waitFor();
    await done(page);
  }
});

test("forced colours leave what is open, chosen and pressed to be seen", async () => {
  const page = await house.visit({ forcedColors: "active", reducedMotion: "reduce" });
  await pick(page, "quick");
  for (const text of ["one", "two"]) {
    await by(page, "new-chat").click();
    await page.waitForURL((url) => url.pathname === "/");
    await say(page, text);
    await finished(page, 1);
    await by(page, "session").filter({ hasText: text }).waitFor();
  }
  await replies(page).first().hover();
  await by(replies(page).first(), "thumb-up").click();
  await by(replies(page).first(), "thumb-up").and(page.locator('[aria-pressed="true"]')).waitFor();
  await page.mouse.move(0, 0);
  const differ = (chosen, other) => page.evaluate(([a, b]) => getComputedStyle(document.querySelector(a)).backgroundColor !== getComputedStyle(document.querySelector(b)).backgroundColor, [chosen, other]);
  assert.ok(await differ(".session.cs-conversation--active", ".session:not(.cs-conversation--active)"), "the open conversation");
  assert.ok(await differ(".places a[aria-current]", ".places a:not([aria-current])"), "where one is");
  assert.ok(await differ('[data-testid="thumb-up"]', '[data-testid="thumb-down"]'), "the thumb");
  await by(page, "show-archived").click();
  await page.mouse.move(0, 0);
  assert.ok(await differ('[data-testid="show-archived"]', '[data-testid="show-archived"] + button'), "the archive");
  await done(page);
});

for (const [width, height] of [[320, 256], [640, 300]]) {
  test(`at ${width} by ${height} the conversations are reached, and there is room to read`, async () => {
    const page = await house.visit({ viewport: { width, height } });
    await pick(page, "quick");
    await say(page, "EU 42");
    await finished(page, 1);
    assert.ok(await by(page, "transcript").evaluate((one) => one.clientHeight) >= 80);
    await by(page, "menu").click();
    const list = by(page, "session-list");
    assert.ok(await list.evaluate((one) => one.clientHeight >= one.scrollHeight), "the list scrolls by itself");
    await by(page, "session").scrollIntoViewIfNeeded();
    await by(page, "session").click({ trial: true });
    await done(page);
  });
}

test("messages of the page cover neither what is read nor what is written", async () => {
  for (const viewport of [{ width: 1440, height: 900 }, { width: 390, height: 800 }]) {
    const page = await house.visit({ viewport });
    await pick(page, "quick");
    await say(page, "EU 42");
    await finished(page, 1);
    if (viewport.width < 600) await by(page, "menu").click();
    await by(page, "session").getByRole("link").focus();
    await page.keyboard.press("Delete");
    await by(page, "undo").waitFor();
    if (viewport.width < 600) await page.keyboard.press("Escape");
    await page.waitForTimeout(400);
    const toast = await page.locator(".toast").boundingBox();
    const box = await page.locator(".composer").boundingBox();
    const main = await page.locator("main").boundingBox();
    const apart = viewport.width > 600 ? toast.x + toast.width <= main.x : toast.y + toast.height <= box.y;
    assert.ok(apart, JSON.stringify({ toast, box, main }));
    await done(page);
  }
});

test("an address that names nothing leads home", async () => {
  const page = await house.visit();
  await by(page, "composer").waitFor();
  await page.evaluate(() => { history.pushState(null, "", "/nope"); dispatchEvent(new PopStateEvent("popstate")); });
  await by(page, "no-page").getByRole("link").click();
  await by(page, "composer").waitFor();
  assert.equal(new URL(page.url()).pathname, "/");
  await done(page);
});
