// The program as a user starts it, a scripted model behind it, and a real browser before it.
import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { chromium } from "playwright-core";

const COMMAND = resolve(import.meta.dirname, process.env.ANTIPHON_CMD ?? "../../../.venv/bin/antiphon");
const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";
const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync"];
// What test_page.py has started instead: pods behind a balancer, and how to kill them.
export const FLEET = process.env.FLEET ? JSON.parse(process.env.FLEET) : null;
export const MODELS = {
  slow: "test-80-50-0", quick: "test-20-5-0", thinking: "test-30-20-0-reason20", broken: "test-20-0-0-status400",
  fast: "test-3000-5-0", long: "test-20000-5-0",
};

/** A port below those that the system hands out by itself: nobody gets it before the server that it is for has begun. */
export function freePort() {
  return new Promise((done) => {
    const port = 30_000 + Math.floor(Math.random() * 2_700);
    const probe = createServer().once("error", () => done(freePort()));
    probe.listen(port, "127.0.0.1", () => probe.close(() => done(port)));
  });
}

async function answers(url, process) {
  for (const until = Date.now() + 60_000; Date.now() < until;) {
    if (process.exitCode !== null) throw new Error(`${COMMAND} ended with ${process.exitCode}:\n${process.said}`);
    if (await fetch(url).then((response) => response.ok, () => false)) return;
    await new Promise((done) => setTimeout(done, 50));
  }
  throw new Error(`${url} does not answer:\n${process.said}`);
}

function start(args, options) {
  const child = spawn(COMMAND, args, { ...options, stdio: ["ignore", "pipe", "pipe"] });
  child.said = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => { child.said = (child.said + data).slice(-4000); });
  return child;
}

function killed(child) {
  if (!child || child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((done) => { child.once("exit", done); child.kill("SIGKILL"); });
}

/** One server on SQLite, with a model to ask. */
class Embedded {
  async open(settings) {
    this.home = await mkdtemp(join(tmpdir(), "antiphon-page-"));
    const [port, modelPort] = [await freePort(), await freePort()];
    this.base = `http://127.0.0.1:${port}`;
    this.env = { ...process.env, PORT: String(port), LOG_LEVEL: "warning", ANTIPHON_RATE_LIMITS: "off", ...settings };
    const names = Object.values(MODELS).map((name) => JSON.stringify(name)).join(", ");
    await writeFile(join(this.home, "antiphon.toml"),
      `[providers.test]\nbase_url = "http://127.0.0.1:${modelPort}/v1"\ncontinuation = true\nmodels = [${names}]\n`);
    this.model = start(["test-model", "--port", String(modelPort)], { cwd: this.home });
    await Promise.all([answers(`http://127.0.0.1:${modelPort}/v1/models`, this.model), this.revive()]);
  }

  async revive() {
    this.server = start(["serve"], { cwd: this.home, env: this.env });
    await answers(`${this.base}/ready`, this.server);
  }

  /** Kill what runs the reply. */
  kill() { return killed(this.server); }

  async close() {
    await Promise.all([killed(this.server), killed(this.model)]);
    await rm(this.home, { recursive: true, force: true });
  }
}

/** Pods behind a balancer, which test_page.py keeps. */
class Fleet {
  base = FLEET.url;
  async open() { /* it is open */ }
  async close() { /* whoever opened it does so */ }

  async kill(pod) {
    const response = await fetch(`${FLEET.control}/kill/${pod}`, { method: "POST" });
    if (!response.ok) throw new Error(`no pod ${pod} was killed: ${await response.text()}`);
  }

  async revive() { await fetch(`${FLEET.control}/revive`, { method: "POST" }); }
}

/** A server and a browser. */
export class House {
  async open(settings = {}) {
    this.site = FLEET ? new Fleet() : new Embedded();
    await this.site.open(settings);
    this.base = this.site.base;
    this.browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
  }

  /** A visitor of its own, so that no test sees another's conversations. */
  async visit({ path = "/", ...options } = {}) {
    const context = await this.browser.newContext({ permissions: ["clipboard-read", "clipboard-write"], locale: "en-GB", ...options });
    context.setDefaultTimeout(15000);
    return this.tab(context, path);
  }

  /** Another tab of the same visitor. */
  async tab(context, path = "/") {
    const page = await context.newPage();
    page.faults = [];
    page.on("pageerror", (error) => page.faults.push(String(error)));
    page.on("console", (message) => {
      if (/Content.Security.Policy/i.test(message.text())) page.faults.push(message.text());
    });
    await page.goto(this.base + path);
    return page;
  }

  async close() {
    await this.browser?.close();
    await this.site?.close();
  }
}
