// The list of conversations.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { House } from "./harness.mjs";
import { by, done, drawn, finished, pick, prompts, replies, say, whole } from "./steps.mjs";

const house = new House();
before(() => house.open());
after(() => house.close());

const listed = (page) => by(page, "session");
const entry = (page, title) => listed(page).filter({ hasText: title });

async function choose(page, title, action) {
  await entry(page, title).hover();
  await by(entry(page, title), "session-menu").click();
  await by(page, action).click();
}

/** Conversations on these, the last one open. */
async function conversations(page, ...texts) {
  await pick(page, "quick");
  for (const text of texts) {
    await by(page, "new-chat").click();
    await page.waitForURL((url) => url.pathname === "/");
    await say(page, text);
    await finished(page, 1);
    await entry(page, text).waitFor();
  }
}
const titles = (page) => listed(page).evaluateAll((all) => all.map((one) => one.textContent));

test("conversations are renamed, and stay where they are in the list", async () => {
  const page = await house.visit();
  await conversations(page, "about dresses", "about hats");
  await choose(page, "about dresses", "session-rename");
  await by(page, "rename-text").fill("Dresses and more");
  await by(page, "rename-text").press("Enter");
  await entry(page, "Dresses and more").waitFor();
  assert.match((await titles(page))[0], /hats/);
  await page.reload();
  await entry(page, "Dresses and more").click();
  await by(page, "title").filter({ hasText: "Dresses and more" }).waitFor();
  assert.match((await titles(page))[0], /hats/);
  await done(page);
});

test("drafts stay with their conversation, also over a refresh", async () => {
  const page = await house.visit();
  await conversations(page, "one", "two");
  await by(page, "composer").fill("half a thought");
  await entry(page, "one").click();
  await page.waitForFunction(() => document.querySelector('[data-testid="composer"]').value === "");
  await entry(page, "two").click();
  await page.waitForFunction(() => document.querySelector('[data-testid="composer"]').value === "half a thought");
  await page.waitForTimeout(700);
  await page.reload();
  await page.waitForFunction(() => document.querySelector('[data-testid="composer"]')?.value === "half a thought");
  await done(page);
});

test("the menu at the head of a conversation does what the list's does", async () => {
  const page = await house.visit();
  await conversations(page, "other", "mine");
  const pick = async (action) => {
    await by(page, "conversation-menu").click();
    await by(page, action).click();
  };
  await pick("session-rename");
  await by(page, "title-text").fill("Mine and nobody's");
  await by(page, "title-text").press("Enter");
  await entry(page, "Mine and nobody's").waitFor();
  for (const [action, ending] of [["session-export-json", ".json"], ["session-export-markdown", ".md"]]) {
    const coming = page.waitForEvent("download");
    await pick(action);
    assert.equal((await coming).suggestedFilename(), `Mine and nobody's${ending}`);
  }
  await pick("session-archive");
  await by(page, "archived").waitFor();
  await entry(page, "Mine and nobody's").waitFor({ state: "detached" });
  await page.goto(`${house.base}/board`);
  await page.getByRole("link", { name: "Chat" }).waitFor();
  await page.goBack();
  await by(page, "archived").waitFor();
  await pick("session-archive");
  await by(page, "archived").waitFor({ state: "detached" });
  await entry(page, "Mine and nobody's").waitFor();
  await pick("session-delete");
  await page.waitForURL((url) => url.pathname === "/");
  assert.equal(await by(page, "conversation-menu").count(), 0);
  await by(page, "undo").click();
  await by(page, "title").filter({ hasText: "Mine and nobody's" }).waitFor();
  await by(page, "conversation-menu").waitFor();
  assert.deepEqual(page.faults, []);
  await done(page);
});

test("the menu at the head is still there after the board was looked at", async () => {
  const page = await house.visit();
  await conversations(page, "come back to me");
  await page.getByRole("link", { name: "Board" }).click();
  await by(page, "composer").waitFor({ state: "detached" });
  await page.getByRole("link", { name: "Chat" }).click();
  await by(page, "conversation-menu").waitFor();
  await done(page);
});

test("what is deleted can be had back, and else is gone", async () => {
  const page = await house.visit();
  await conversations(page, "to be kept", "to be deleted");
  await choose(page, "to be deleted", "session-delete");
  await entry(page, "to be deleted").waitFor({ state: "detached" });
  await by(page, "undo").click();
  await entry(page, "to be deleted").waitFor();
  await choose(page, "to be deleted", "session-delete");
  await entry(page, "to be deleted").waitFor({ state: "detached" });
  const left = async () => (await (await page.request.get(`${house.base}/api/sessions`)).json()).sessions.length;
  const until = Date.now() + 15000;
  while (await left() > 1 && Date.now() < until) await page.waitForTimeout(250);
  assert.equal(await left(), 1);
  await page.reload();
  await entry(page, "to be kept").waitFor();
  assert.equal(await listed(page).count(), 1);
  await done(page);
});

test("whoever undoes by keyboard is at the conversation that came back, and by Ctrl+Z too", async () => {
  const page = await house.visit();
  await conversations(page, "kept", "wanted back");
  const at = (title) => page.waitForFunction((text) => document.activeElement.closest('[data-testid="session"]')?.textContent.includes(text), title);
  await entry(page, "wanted back").getByRole("link").focus();
  await page.keyboard.press("Delete");
  await by(page, "undo").focus();
  await page.keyboard.press("Enter");
  await at("wanted back");
  await page.keyboard.press("Delete");
  await at("kept");
  await page.keyboard.press("Control+Z");
  await at("wanted back");
  await by(page, "undo").waitFor({ state: "detached" });
  await page.keyboard.press("Delete");
  await at("kept");
  await page.locator(".toast").getByRole("button", { name: "Close" }).focus();
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.querySelector(".toast") === null && document.activeElement !== document.body);
  await page.keyboard.press("Control+Z");
  await entry(page, "wanted back").waitFor();
  await done(page);
});

test("six deletions in a row have one way back", async () => {
  const page = await house.visit();
  const names = ["one", "two", "three", "four", "five", "six"];
  await conversations(page, ...names);
  await entry(page, "six").getByRole("link").focus();
  for (const left of [5, 4, 3, 2, 1, 0]) {
    await page.keyboard.press("Delete");
    await page.waitForFunction((count) => document.querySelectorAll('[data-testid="session"]').length === count
      && (count === 0 || document.activeElement.closest('[data-testid="session"]') !== null), left);
  }
  assert.equal((await (await page.request.get(`${house.base}/api/sessions`)).json()).sessions.length, names.length);
  assert.equal(await by(page, "undo").count(), 1);
  await by(page, "undo").click();
  await page.waitForFunction((count) => document.querySelectorAll('[data-testid="session"]').length === count, names.length);
  await done(page);
});

test("nothing is deleted while the reader is at the way back", async () => {
  const page = await house.visit();
  await conversations(page, "held");
  await choose(page, "held", "session-delete");
  await by(page, "undo").hover();
  await page.waitForTimeout(9500);
  const left = async () => (await (await page.request.get(`${house.base}/api/sessions`)).json()).sessions.length;
  assert.equal(await left(), 1);
  await by(page, "undo").click();
  await entry(page, "held").waitFor();
  await done(page);
});

test("a deletion that a refresh interrupts is carried out all the same", async () => {
  const page = await house.visit();
  await conversations(page, "soon gone");
  await choose(page, "soon gone", "session-delete");
  await page.reload();
  const gone = async () => (await (await page.request.get(`${house.base}/api/sessions`)).json()).sessions.length === 0;
  const until = Date.now() + 15000;
  while (!await gone() && Date.now() < until) await page.waitForTimeout(250);
  assert.ok(await gone());
  assert.equal(await listed(page).count(), 0);
  await done(page);
});

test("archived ones are out of the way, found again and brought back", async () => {
  const page = await house.visit();
  await conversations(page, "old matter", "new matter");
  await choose(page, "old matter", "session-archive");
  await entry(page, "old matter").waitFor({ state: "detached" });
  await by(page, "show-archived").click();
  await entry(page, "old matter").waitFor();
  assert.equal(await entry(page, "new matter").count(), 0);
  await choose(page, "old matter", "session-archive");
  await entry(page, "old matter").waitFor({ state: "detached" });
  await by(page, "show-archived").click();
  await entry(page, "old matter").waitFor();
  await done(page);
});

test("an archived conversation that is open says so, and the archive leads back", async () => {
  const page = await house.visit();
  await conversations(page, "put away");
  await choose(page, "put away", "session-archive");
  await by(page, "archived").waitFor();
  await by(page, "show-archived").click();
  await page.getByRole("heading", { name: "Archived" }).waitFor();
  await entry(page, "put away").waitFor();
  await by(page, "leave-archive").click();
  await entry(page, "put away").waitFor({ state: "detached" });
  await page.reload();
  await by(page, "archived").getByRole("button", { name: "Bring back" }).click();
  await entry(page, "put away").waitFor();
  await by(page, "archived").waitFor({ state: "detached" });
  await done(page);
});

test("the open conversation's new name is at its head, in every tab", async () => {
  const page = await house.visit();
  await conversations(page, "first name");
  const other = await house.tab(page.context(), new URL(page.url()).pathname);
  await by(other, "title").filter({ hasText: "first name" }).waitFor();
  await choose(page, "first name", "session-rename");
  await by(page, "rename-text").fill("second name");
  await by(page, "rename-text").press("Enter");
  for (const tab of [page, other]) {
    await by(tab, "title").filter({ hasText: "second name" }).waitFor();
    await tab.waitForFunction(() => document.title.startsWith("second name"));
  }
  await done(page);
});

test("conversations are found by what was said in them", async () => {
  const page = await house.visit();
  await conversations(page, "a pomegranate", "an apple");
  await by(page, "session-search").fill("POMEGRAN");
  await entry(page, "an apple").waitFor({ state: "detached" });
  await entry(page, "a pomegranate").waitFor();
  await by(page, "session-search").fill("nothing like it");
  await entry(page, "a pomegranate").waitFor({ state: "detached" });
  await by(page, "session-search").fill("");
  await entry(page, "an apple").waitFor();
  await done(page);
});

test("what is exported is imported whole, with its branches", async () => {
  const page = await house.visit();
  await conversations(page, "to travel");
  await replies(page).first().hover();
  await by(replies(page).first(), "regenerate").click();
  await by(replies(page).first(), "versions").filter({ hasText: /2\s*\/\s*2/ }).waitFor();
  await finished(page, 1);
  await say(page, "further on");
  await finished(page, 2);
  const before = await drawn(page);
  const download = async (action) => {
    const coming = page.waitForEvent("download");
    await choose(page, "to travel", action);
    const file = await coming;
    return { name: file.suggestedFilename(), path: await file.path() };
  };
  const json = await download("session-export-json");
  const markdown = await download("session-export-markdown");
  assert.match(json.name, /\.json$/);
  assert.match(markdown.name, /\.md$/);
  const told = JSON.parse(await readFile(json.path, "utf8"));
  assert.equal(told.messages.length, 5);
  const text = await readFile(markdown.path, "utf8");
  for (const message of told.messages.slice(-2)) assert.ok(text.includes(message.content));
  await replies(page).first().hover();
  await by(replies(page).first(), "version-previous").click();
  await by(replies(page).first(), "versions").filter({ hasText: /1\s*\/\s*2/ }).waitFor();
  const other = await readFile((await download("session-export-markdown")).path, "utf8");
  assert.ok(!other.includes("further on"), "the branch that is shown");
  await by(page, "session-import").setInputFiles({ name: json.name, mimeType: "application/json", buffer: await readFile(json.path) });
  await page.waitForFunction(() => document.querySelectorAll('[data-testid="session"]').length === 2);
  await listed(page).first().click();
  await page.waitForFunction(() => document.querySelectorAll('[data-testid="message"]').length === 4);
  assert.deepEqual(await drawn(page), before);
  await replies(page).first().hover();
  await by(replies(page).first(), "versions").filter({ hasText: /2\s*\/\s*2/ }).waitFor();
  await say(page, "and on");
  await finished(page, 3);
  await whole(page);
  await done(page);
});

test("a file that is no conversation is refused with a reason", async () => {
  const page = await house.visit();
  for (const text of ["{]", '{"format": "antiphon.session", "version": 1}', "[]"]) {
    await by(page, "session-import").setInputFiles({ name: "x.json", mimeType: "application/json", buffer: Buffer.from(text) });
    await page.getByRole("alert").filter({ hasText: /./ }).first().waitFor();
    await page.reload();
  }
  assert.equal(await listed(page).count(), 0);
  await done(page);
});

test("tabs tell each other of new, renamed and deleted conversations", async () => {
  const first = await house.visit();
  const second = await house.tab(first.context());
  await conversations(first, "seen elsewhere");
  await entry(second, "seen elsewhere").waitFor();
  await choose(second, "seen elsewhere", "session-rename");
  await by(second, "rename-text").fill("renamed elsewhere");
  await by(second, "rename-text").press("Enter");
  await entry(first, "renamed elsewhere").waitFor();
  await choose(second, "renamed elsewhere", "session-delete");
  await entry(first, "renamed elsewhere").waitFor({ state: "detached" });
  await done(first);
});

test("feedback is kept", async () => {
  const page = await house.visit();
  await conversations(page, "rate me");
  const reply = replies(page).first();
  await reply.hover();
  await by(reply, "thumb-down").click();
  await by(reply, "thumb-up").click();
  await by(reply, "thumb-up").and(page.locator('[aria-pressed="true"]')).waitFor();
  await page.waitForResponse((response) => response.url().endsWith("/feedback") && response.ok()).catch(() => null);
  await page.reload();
  await by(replies(page).first(), "thumb-up").and(page.locator('[aria-pressed="true"]')).waitFor();
  assert.equal(await by(replies(page).first(), "thumb-down").getAttribute("aria-pressed"), "false");
  await done(page);
});

test("a conversation of somebody else is not there", async () => {
  const mine = await house.visit();
  await conversations(mine, "private");
  const theirs = await house.visit({ path: new URL(mine.url()).pathname });
  await theirs.getByText(/no longer there|not found|does not exist/i).first().waitFor();
  assert.equal(await prompts(theirs).count(), 0);
  await done(mine);
  await done(theirs);
});
