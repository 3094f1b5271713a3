// A long conversation and a long reply stay smooth. `LONG=1` traces a whole reply of 20,000 tokens.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { House } from "./harness.mjs";
import { by, done, messages, pick, say } from "./steps.mjs";

const house = new House();
before(() => house.open());
after(() => house.close());

const LIMIT_MS = 50;
const model = process.env.LONG ? "long" : "fast";

/** The tasks of the page's main thread in a trace, the longest first, in milliseconds. */
async function traced(page, action) {
  const session = await page.context().newCDPSession(page);
  const events = [];
  session.on("Tracing.dataCollected", ({ value }) => events.push(...value));
  await session.send("Tracing.start", { transferMode: "ReportEvents", traceConfig: { includedCategories: ["toplevel", "disabled-by-default-devtools.timeline", "devtools.timeline"] } });
  await action();
  const complete = new Promise((done) => session.once("Tracing.tracingComplete", done));
  await session.send("Tracing.end");
  await complete;
  const main = events.find((event) => event.name === "TracingStartedInBrowser" || event.name === "TracingStartedInPage");
  const pids = new Set((main?.args?.data?.frames ?? []).map((frame) => frame.processId));
  const threads = new Set(events.filter((event) => event.name === "thread_name" && event.args.name === "CrRendererMain" && (!pids.size || pids.has(event.pid)))
    .map((event) => `${event.pid}.${event.tid}`));
  // Many tasks, but not all, are told once more as "ThreadControllerImpl::RunTask".
  return events.filter((event) => event.name === "RunTask" && event.dur && threads.has(`${event.pid}.${event.tid}`))
    // The processor's time where the trace has it: on a shared machine the clock also counts others' work.
    .map((event) => (event.tdur ?? event.dur) / 1000).sort((a, b) => b - a);
}

const short = (n) => `Reply **${n}** with a list:\n\n- one\n- two\n\n| a | b |\n|---|---|\n| ${n} | x |\n\n\`\`\`python\nprint(${n})\n\`\`\`\n`;

/** A conversation of so many messages, as a file. */
function conversation(count, reply = short) {
  const at = new Date(Date.now() - 86_400_000).toISOString();
  const text = (n) => (n % 2 ? reply(n) : `Question ${n}?`);
  return {
    format: "antiphon.session", version: 1, exported_at: at, session: { title: `${count} messages`, context: {}, created_at: at },
    messages: Array.from({ length: count }, (_, n) => ({
      id: `m${n}`, role: n % 2 ? "assistant" : "user", sender: n % 2 ? "echo" : "user", status: "complete", content: text(n),
      parent_id: n ? `m${n - 1}` : null, usage: null, metadata: {}, feedback: null, created_at: at,
    })),
  };
}

test("a reply of many tokens streams at 200 tokens a second into a conversation of 1,000 messages, smoothly", async (t) => {
  const page = await house.visit();
  const response = await page.request.post(`${house.base}/api/sessions/import`, { data: conversation(1000) });
  assert.equal(response.status(), 201, await response.text());
  const { id } = await response.json();
  await page.goto(`${house.base}/c/${id}`);
  await messages(page, "assistant").last().waitFor();
  await page.waitForTimeout(3000);
  assert.ok(await page.locator('[data-testid="message"]').count() < 200, "only what may be seen is drawn");
  await pick(page, model);
  const tasks = await traced(page, async () => {
    await say(page, "at length");
    await page.locator('[data-status="streaming"]').waitFor();
    await page.locator('[data-status="streaming"]').waitFor({ state: "detached", timeout: 240_000 });
  });
  assert.ok(tasks.length > 500, "a trace of the main thread");
  const over = tasks.filter((ms) => ms > LIMIT_MS);
  const busy = tasks.reduce((sum, ms) => sum + ms, 0);
  t.diagnostic(`longest tasks ${tasks.slice(0, 5).map((ms) => ms.toFixed(1)).join(", ")} ms; ${tasks.length} tasks, ${(busy / 1000).toFixed(1)} s; over ${LIMIT_MS} ms: ${over.length}`);
  assert.deepEqual(over, []);
  await done(page);
});

// Drawn at once these take 157 ms and more, in slices up to 49.
const OPENING_LIMIT_MS = 100;
const SENTENCE = "A reply once begun reaches its reader *whole*, through `refresh` and lost networks, with **no token** lost.";
/** So many characters: one piece after the other, and a line that ends them. */
function long(piece, length, head = "") {
  let text = head;
  for (let n = 0; text.length < length; n++) text += piece(n);
  return `${text}\nThe very end.\n`;
}
const LONG_REPLIES = {
  "of many blocks": long((n) => `## Part ${n}\n\n${SENTENCE} [${n}](https://example.org/${n})\n\n- ${SENTENCE}\n- ${n}\n\n\`\`\`js\nlet a = ${n};\n\`\`\`\n\n`, 100_000),
  "that is one list": long((n) => `- ${n} ${SENTENCE}\n`, 100_000),
  "that is one table": long((n) => `| ${n} | ${SENTENCE} | \`${n}\` | ${n * 7} |\n`, 100_000, "| a | b | c | d |\n|---|---|---|--:|\n"),
};

/** Opens a conversation in a page that has been at rest: its tasks, and how far the view was from its end in each frame that showed the reply. */
async function opening(reply) {
  const page = await house.visit();
  const { id } = await (await page.request.post(`${house.base}/api/sessions/import`, { data: conversation(2, () => reply) })).json();
  await page.reload();
  const link = page.locator(`a[href$="/c/${id}"]`);
  await link.waitFor();
  await page.waitForTimeout(1500);
  await page.evaluate(() => {
    globalThis.away = [];
    const look = () => {
      const [list, text] = [document.querySelector('[data-testid="transcript"]'), document.querySelector('[data-role="assistant"] [data-testid="message-text"]')];
      // Asked after the page's own observer, which puts the view to the end: what is painted then.
      const asked = new ResizeObserver(() => {
        asked.disconnect();
        globalThis.away.push(list.scrollHeight - list.clientHeight - list.scrollTop);
      });
      if (text) asked.observe(text);
      requestAnimationFrame(look);
    };
    look();
  });
  const tasks = await traced(page, async () => {
    await link.evaluate((one) => one.click());
    await by(messages(page, "assistant"), "message-text").and(page.locator(":not([aria-busy])")).filter({ hasText: "The very end." }).waitFor();
    await page.waitForTimeout(1000); // what is coloured comes when the page has time
  });
  const away = await page.evaluate(() => globalThis.away);
  assert.deepEqual(page.faults, []);
  await done(page);
  return { tasks, away };
}

for (const [name, reply] of Object.entries(LONG_REPLIES)) {
  test(`a conversation with a reply of 100 kB ${name} opens at its end, smoothly`, async (t) => {
    let longest = Infinity;
    // The best of three: processor time too is longer where others take the caches.
    for (let round = 0; round < 3 && longest > OPENING_LIMIT_MS; round++) {
      const { tasks, away } = await opening(reply);
      assert.ok(tasks.length > 50, "a trace of the main thread");
      assert.ok(away.length > 5 && away.every((pixels) => pixels < 2), `away from the end by ${away}`);
      longest = Math.min(longest, tasks[0]);
      t.diagnostic(`longest tasks ${tasks.slice(0, 5).map((ms) => ms.toFixed(1)).join(", ")} ms`);
    }
    assert.ok(longest < OPENING_LIMIT_MS, `a task took ${longest} ms`);
  });
}

const DRAWN = 80; // 60, and what a step may add before it lets others go
const drawn = (page) => by(page, "message").count();
/** The text of the messages drawn, from the first on. */
const texts = (page) => by(page, "message-text").allTextContents();

async function opened(count) {
  const page = await house.visit();
  const { id } = await (await page.request.post(`${house.base}/api/sessions/import`, { data: conversation(count) })).json();
  await page.goto(`${house.base}/c/${id}`);
  await messages(page, "assistant").filter({ hasText: `Reply ${count - 1}` }).waitFor();
  await page.waitForFunction(() => document.querySelectorAll("pre .hljs-built_in").length > 0); // what colours has been loaded
  return page;
}

/** How far a marked message has come from where it was, in pixels, when all that follows has come. */
async function way(page, marker) {
  let last = null;
  for (let same = 0; same < 4;) {
    await page.waitForTimeout(50);
    const now = await marker.evaluate(({ one, before }) => one.isConnected ? one.getBoundingClientRect().top - before : NaN);
    same = now === last ? same + 1 : 0;
    last = now;
  }
  return last;
}

/** How far the message at the top of the view moves when the wheel is turned. */
async function wheeled(page, pixels) {
  const marker = await by(page, "transcript").evaluateHandle((list) => {
    const { top } = list.getBoundingClientRect();
    const one = [...list.querySelectorAll("article")].find((article) => article.getBoundingClientRect().bottom > top + 1);
    return { one, before: one.getBoundingClientRect().top };
  });
  await page.mouse.wheel(0, pixels);
  return way(page, marker);
}

/** Turns the wheel until it is there; however slow the machine, each turn must bring something new. */
async function wheelOn(page, pixels, there) {
  while (!await there()) {
    const before = (await texts(page)).join();
    let turns = 0;
    while ((await texts(page)).join() === before && !await there()) {
      assert.ok(turns++ < 200, `nothing new came behind ${(await texts(page))[0]}`);
      await page.mouse.wheel(0, pixels);
      await page.waitForTimeout(30);
    }
  }
}

/** How far the first message drawn moves when the view is put there at once, and earlier ones come in above it. */
async function pushed(page) {
  return way(page, await by(page, "transcript").evaluateHandle((list) => {
    list.scrollTop = 0;
    const one = list.querySelector("article");
    return { one, before: one.getBoundingClientRect().top };
  }));
}

test("scrolling up through 1,000 messages, nothing jumps by more than 2 pixels, and few are drawn at a time", async () => {
  const page = await opened(1000);
  await by(page, "transcript").hover();
  for (let k = 0; k < 40; k++) {
    const step = k < 30 ? -500 : 500;
    const moved = await wheeled(page, step);
    assert.ok(Math.abs(moved + step) <= 2, `step ${k} of ${step} moved the text by ${moved}`);
    assert.ok(await drawn(page) <= DRAWN, `${await drawn(page)} drawn`);
  }
  for (let k = 0; k < 5; k++) {
    const [first] = await texts(page);
    const moved = await pushed(page);
    assert.notEqual((await texts(page))[0], first, "earlier ones came");
    assert.ok(Math.abs(moved) <= 2, `earlier ones moved the text by ${moved}`);
  }
  await wheelOn(page, -4000, async () => (await texts(page))[0].startsWith("Question 0?"));
  assert.ok(await drawn(page) <= DRAWN);
  await wheelOn(page, 4000, async () => (await texts(page)).at(-1).startsWith("Reply 999"));
  assert.ok(await drawn(page) <= DRAWN);
  assert.deepEqual(page.faults, []);
  await done(page);
});

// The browser rounds whenever it keeps what is read in place, half a pixel at most: here it has to several times.
const ROUNDED = 4;
test("scrolling up through replies that are drawn in slices, nothing jumps by more than 4 pixels", async () => {
  const page = await house.visit();
  const reply = (n) => long((k) => `Reply ${n}, ${k}: ${SENTENCE}\n\n`, 5000);
  const { id } = await (await page.request.post(`${house.base}/api/sessions/import`, { data: conversation(60, reply) })).json();
  await page.goto(`${house.base}/c/${id}`);
  await by(page, "message-text").filter({ hasText: "Reply 59, 0:" }).waitFor();
  await by(page, "transcript").hover();
  for (let k = 0; k < 20; k++) {
    const moved = await wheeled(page, -800);
    assert.ok(Math.abs(moved - 800) <= ROUNDED, `step ${k} moved the text by ${moved}`);
  }
  for (let k = 0; k < 3; k++) {
    const [first] = await texts(page);
    const moved = await pushed(page);
    assert.notEqual((await texts(page))[0], first, "earlier ones came");
    assert.ok(Math.abs(moved) <= ROUNDED, `earlier ones moved the text by ${moved}`);
  }
  assert.deepEqual(page.faults, []);
  await done(page);
});

test("Home leads to the first of 1,000 messages and End back, while a reply streams, smoothly", async (t) => {
  const page = await opened(1000);
  await pick(page, "long");
  await say(page, "at length");
  await page.locator('[data-status="streaming"]').waitFor();
  await by(page, "transcript").focus();
  await page.keyboard.press("Home");
  await by(page, "message-text").filter({ hasText: /^Question 0\?$/ }).waitFor();
  assert.equal(await by(page, "transcript").evaluate((list) => list.scrollTop), 0);
  const tasks = await traced(page, () => page.waitForTimeout(3000));
  const busy = tasks.reduce((sum, ms) => sum + ms, 0);
  t.diagnostic(`at the first, while the reply streams: longest task ${tasks[0].toFixed(1)} ms, busy ${(busy / 30).toFixed(0)} %`);
  assert.ok(tasks[0] < LIMIT_MS);
  assert.equal(await by(page, "transcript").evaluate((list) => list.scrollTop), 0, "what comes at the end does not move who reads above");
  await page.keyboard.press("End");
  await page.locator('[data-status="streaming"]').waitFor();
  assert.equal(await by(page, "to-latest").count(), 0);
  await by(page, "stop").click();
  await page.locator('[data-status="stopped"]').waitFor();
  assert.ok(await drawn(page) <= DRAWN);
  assert.deepEqual(page.faults, []);
  await done(page);
});
