// What a person does on the page, and what must be true on it.
import assert from "node:assert/strict";
import { MODELS } from "./harness.mjs";

export const by = (place, id) => place.locator(`[data-testid="${id}"]`);
export const messages = (page, role) => page.locator(`[data-testid="message"][data-role="${role}"]`);
export const replies = (page) => messages(page, "assistant");
export const prompts = (page) => messages(page, "user");
export const underWay = (page) => page.locator('[data-testid="message"]:is([data-status="waiting"], [data-status="streaming"], [data-status="sending"])');
export const done = (page) => page.context().close();

export async function pick(page, name) {
  const value = name in MODELS ? `model:test/${MODELS[name]}` : `bot:${name}`;
  await by(page, "choice").locator(`option[value="${value}"]`).waitFor({ state: "attached" });
  await by(page, "choice").selectOption(value);
}

export async function say(page, text) {
  await by(page, "composer").fill(text);
  await by(page, "composer").press("Enter");
}

/** Opens a conversation made of these: `{ id, text, after }`, `after` the id of what it follows; ids of replies begin with r. */
export async function conversation(page, title, said) {
  const at = new Date().toISOString();
  const messages = said.map(({ id, text, after = null }) => ({ id, role: id.startsWith("r") ? "assistant" : "user", sender: id.startsWith("r") ? "echo" : "user",
    status: "complete", content: text, parent_id: after, usage: null, metadata: {}, feedback: null, created_at: at }));
  const data = { format: "antiphon.session", version: 1, exported_at: at, session: { title, context: {}, created_at: at }, messages };
  const response = await page.request.post(new URL("/api/sessions/import", page.url()).href, { data });
  assert.equal(response.status(), 201, await response.text());
  await page.goto(new URL(`/c/${(await response.json()).id}`, page.url()).href);
  await messagesShown(page);
}
const messagesShown = (page) => page.locator('[data-testid="message"]').last().waitFor();

/** Questions and replies in turn, so many pairs. */
export const exchanges = (pairs, text = (k) => `Reply ${k}.`) => Array.from({ length: pairs }, (_, k) => [
  { id: `q${k}`, text: `Question ${k}?`, ...(k > 0 && { after: `r${k - 1}` }) }, { id: `r${k}`, text: text(k), after: `q${k}` }]).flat();

/** So many replies are shown, the last with this status, and nothing is under way. */
export async function finished(page, count, status = "complete") {
  await replies(page).nth(count - 1).and(page.locator(`[data-status="${status}"]`)).waitFor();
  await underWay(page).first().waitFor({ state: "detached" });
  assert.equal(await replies(page).count(), count);
}

/** A reply is under way and has so many characters. */
export async function midway(page, characters = 60) {
  await page.waitForFunction((least) => {
    const text = document.querySelector('[data-testid="message"][data-status="streaming"] [data-testid="message-text"]');
    return (text?.textContent.length ?? 0) > least;
  }, characters);
}

export async function stored(page, id) {
  const response = await page.request.get(new URL(`/api/messages/${id}`, page.url()).href);
  assert.equal(response.status(), 200);
  return response.json();
}

/** What is on the screen, without what changes by itself. */
export const drawn = (page) => by(page, "message-text").evaluateAll((all) => all.map((one) => one.innerHTML));

async function settled(page) {
  let last = null;
  for (let now = await drawn(page); JSON.stringify(now) !== JSON.stringify(last); now = await drawn(page)) {
    last = now;
    await page.waitForTimeout(300); // highlighting and formulas come when the page has time
  }
  return last;
}

/** What Copy gives is the stored text, and what was drawn while it streamed is what the stored text gives anew. */
export async function whole(page) {
  const ids = await replies(page).evaluateAll((all) => all.map((one) => one.dataset.id));
  assert.ok(ids.length);
  for (const [k, id] of ids.entries()) {
    const message = await stored(page, id);
    if (!message.content) continue;
    await page.evaluate(() => navigator.clipboard.writeText("nothing was copied"));
    await replies(page).nth(k).hover();
    await by(replies(page).nth(k), "copy").click();
    await page.waitForFunction(async (text) => await navigator.clipboard.readText() === text, message.content)
      .catch(async () => assert.equal(await page.evaluate(() => navigator.clipboard.readText()), message.content));
  }
  const streamed = await settled(page);
  await page.reload();
  await page.waitForFunction((n) => document.querySelectorAll('[data-testid="message"][data-role="assistant"]').length === n, ids.length);
  assert.deepEqual(await settled(page), streamed);
  assert.deepEqual(page.faults, []);
}
