// Makes the pictures in docs/screenshots: each state of page and widget, light and dark, on a phone and a wide screen.
import { mkdir } from "node:fs/promises";
import { resolve } from "node:path";
import { House, MODELS } from "./harness.mjs";
import { by, done, finished, midway, pick, prompts, replies, say } from "./steps.mjs";

const FOLDER = resolve(import.meta.dirname, process.argv[2] ?? "../../../docs/screenshots");
const only = process.argv[3];
const house = new House();

const settled = (page) => page.waitForTimeout(900);
async function history(page) {
  for (const title of ["Hat for a 58 cm head", "EU 42 in UK men's shoes", "Bust 92, waist 74: which dress?"]) {
    const { id } = await (await page.request.post(`${house.base}/api/sessions`, { data: { title } })).json();
    await page.request.post(`${house.base}/api/sessions/${id}/messages`, { data: { text: title } });
  }
  await page.reload();
  await by(page, "session").nth(2).waitFor({ state: "attached" });
}

const STATES = {
  async empty(page) { await history(page); },
  async streaming(page) {
    await history(page);
    await pick(page, "slow");
    await say(page, "Tell me something at length");
    await midway(page, 200);
  },
  async reply(page) {
    await history(page);
    await say(page, "My foot is 26.5 cm, which EU size?");
    await finished(page, 1);
  },
  async resumed(page) {
    await pick(page, "slow");
    await say(page, "Go on, whatever happens");
    await midway(page, 150);
    await house.site.kill();
    await house.site.revive();
    await finished(page, 1);
    await by(replies(page), "figures").click();
    await by(page, "figures-panel").waitFor();
  },
  async error(page) {
    await pick(page, "broken");
    await say(page, "Will this work?");
    await finished(page, 1, "failed");
  },
  async offline(page) {
    await say(page, "EU 42 in UK men's shoes");
    await finished(page, 1);
    await page.context().setOffline(true);
    await say(page, "And EU 43?");
    await by(page, "connection").and(page.locator('[data-status="offline"]')).waitFor();
  },
  async branches(page) {
    await say(page, "EU 42 in UK men's shoes");
    await finished(page, 1);
    await by(replies(page).first(), "regenerate").click();
    await by(replies(page).first(), "versions").filter({ hasText: /2\s*\/\s*2/ }).waitFor();
    await finished(page, 1);
    await prompts(page).first().hover();
    await by(prompts(page).first(), "edit").click();
    await by(page, "edit-text").waitFor();
  },
  async markdown(page) {
    await pick(page, "echo");
    await say(page, "## What a reply may hold\n\nText in *two* **weights**, `code`, a [link](https://example.org/), and $e^{i\\pi} + 1 = 0$.\n\n"
      + "| Size | EU | UK |\n|---|---:|---:|\n| small | 38 | 5 |\n| large | 44 | 10 |\n\n```python\ndef whole(reply):\n    \"\"\"No token lost, none repeated.\"\"\"\n    return \"\".join(chunk.text for chunk in reply)\n```\n\n"
      + "$$\\int_0^1 x^2\\,dx = \\frac{1}{3}$$\n\n- [x] done\n- [ ] to do");
    await finished(page, 1);
  },
  async status(page) {
    const ask = async (model) => {
      const { id } = await (await page.request.post(`${house.base}/api/sessions`, { data: {} })).json();
      await page.request.post(`${house.base}/api/sessions/${id}/messages`, { data: { text: "be counted", model: `test/${model}` } });
    };
    await page.goto(`${house.base}/status`);
    await by(page, "status-pods").waitFor();
    for (let k = 0; k < 24; k++) {
      await Promise.all([ask(MODELS.slow), ask(MODELS.quick)]);
      await page.waitForTimeout(500);
    }
  },
  async board(page) {
    for (const [sender, message] of [["Ann", "Hello, board!"], ["Bob", "Hello, Ann."], ["Chloé", "All stacks speak this."]]) {
      await page.request.post(`${house.base}/api/chat`, { data: { sender, message } });
    }
    await page.goto(`${house.base}/board`);
    await by(page, "post").nth(2).waitFor();
  },
  async "widget-closed"(page) {
    await page.goto(`${house.base}/widget-demo`);
    await by(page, "bubble").waitFor();
  },
  async "widget-open"(page) {
    await page.goto(`${house.base}/widget-demo`);
    await by(page, "launcher").click();
    await by(page, "widget-text").fill("My foot is 26.5 cm, which EU size?");
    await by(page, "widget-text").press("Enter");
    await page.locator('[data-testid="message"][data-role="assistant"][data-status="complete"]').waitFor();
  },
  async arabic(page) {
    await by(page, "composer").waitFor();
    await pick(page, "echo");
    await say(page, "ما مقاس الحذاء المناسب لقدم طولها 26.5 سم؟");
    await finished(page, 1);
  },
};

await mkdir(FOLDER, { recursive: true });
await house.open();
try {
  for (const [name, arrange] of Object.entries(STATES)) {
    if (only && only !== name) continue;
    for (const colorScheme of ["light", "dark"]) {
      for (const [width, height] of [[390, 844], [1440, 900]]) {
        const page = await house.visit({ colorScheme, viewport: { width, height }, hasTouch: width < 600, locale: name === "arabic" ? "ar" : "en-GB" });
        await arrange(page);
        await settled(page);
        await page.screenshot({ path: resolve(FOLDER, `${name}-${colorScheme}-${width}.png`) });
        await done(page);
      }
    }
    console.log(name);
  }
} finally {
  await house.close();
}
