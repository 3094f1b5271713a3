// The message board, here and on the other stacks.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { House } from "./harness.mjs";
import { by, done, finished, say } from "./steps.mjs";

const house = new House();

/** A stack of the comparison as its specification has it: contract A and nothing else; ids as each store has them. */
function stack(idOf) {
  const posts = [];
  const server = createServer((request, response) => {
    const headers = { "Access-Control-Allow-Origin": "*", "Access-Control-Allow-Headers": "Content-Type", "Content-Type": "application/json" };
    const answer = (status, body) => { response.writeHead(status, headers); response.end(JSON.stringify(body)); };
    if (request.method === "OPTIONS") return answer(204, null);
    if (request.url.split("?")[0] !== "/api/chat") return answer(404, { error: "no such route" });
    if (request.method === "GET") return answer(200, [...posts].reverse());
    let body = "";
    request.on("data", (data) => { body += data; });
    request.on("end", () => {
      const { message, sender } = JSON.parse(body);
      if (!message || !sender) return answer(400, { error: "message and sender are needed" });
      posts.push({ id: idOf(posts.length + 1), message, sender, timestamp: new Date().toISOString() });
      return answer(201, posts.at(-1));
    });
    return undefined;
  });
  return { server, posts, open: () => new Promise((done) => server.listen(0, "127.0.0.1", () => done(`http://127.0.0.1:${server.address().port}`))) };
}

const flask = stack((n) => n);
const node = stack((n) => n.toString(16).padStart(24, "0"));
before(async () => {
  const [flaskUrl, nodeUrl] = [await flask.open(), await node.open()];
  await house.open({ ANTIPHON_SERVERS: `Flask=${flaskUrl}, Node=${nodeUrl}` });
});
after(async () => {
  flask.server.close();
  node.server.close();
  await house.close();
});

async function post(page, sender, text) {
  await by(page, "post-sender").fill(sender);
  await by(page, "post-text").fill(text);
  await by(page, "post-send").click();
  await by(page, "post").filter({ hasText: text }).waitFor();
}

test("what one writes on the board others see", async () => {
  const ann = await house.visit({ path: "/board" });
  const bob = await house.visit({ path: "/board" });
  await post(ann, "Ann", "Hello, board");
  await by(bob, "post").filter({ hasText: "Hello, board" }).waitFor();
  await post(bob, "Bob", "Hello, Ann");
  await by(ann, "post").filter({ hasText: "Hello, Ann" }).waitFor();
  await ann.reload();
  await by(ann, "post").nth(1).waitFor();
  assert.equal(await by(ann, "post").count(), 2);
  assert.equal(await by(ann, "post-sender").inputValue(), "Ann");
  assert.deepEqual([...ann.faults, ...bob.faults], []);
  await done(ann);
  await done(bob);
});

test("the page is switched to the other stacks and back", async () => {
  const page = await house.visit();
  await say(page, "EU 42");
  await finished(page, 1);
  for (const [name, { posts }] of [["Flask", flask], ["Node", node]]) {
    await by(page, "settings").click();
    await by(page, "server").selectOption({ label: await by(page, "server").locator("option", { hasText: name }).innerText() });
    await page.keyboard.press("Escape");
    await by(page, "board").waitFor();
    await post(page, "Ann", `to ${name}`);
    await post(page, "Ann", `again to ${name}`);
    assert.deepEqual(posts.map((one) => one.message), [`to ${name}`, `again to ${name}`]);
    assert.equal(await by(page, "composer").count(), 0);
  }
  await page.reload();
  await by(page, "post").filter({ hasText: "again to Node" }).waitFor();
  await by(page, "settings").click();
  await by(page, "server").selectOption({ index: 0 });
  await page.keyboard.press("Escape");
  await by(page, "session").first().waitFor();
  assert.deepEqual(page.faults, []);
  await done(page);
});
