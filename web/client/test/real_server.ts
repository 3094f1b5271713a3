import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, createConnection, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const COMMAND = resolve(import.meta.dirname, process.env.ANTIPHON_CMD ?? "../../../.venv/bin/antiphon");
/** 60 tokens, one each 20 ms; 400 tokens, one each 10 ms. */
export const QUICK = "scripted/test-60-20-0";
export const LONG = "scripted/test-400-10-0";

/** Whether the program is there. Where it has to be, its absence is a failure. */
export function programIsThere(): boolean {
  if (existsSync(COMMAND)) return true;
  const told = `${COMMAND} is not there: make it with "make setup", or name it with ANTIPHON_CMD.`;
  if (process.env.CI) throw new Error(told);
  console.warn(`Skipped: ${told}`);
  return false;
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await new Promise((done) => probe.once("listening", done));
  const port = portOf(probe);
  await new Promise((done) => probe.close(done));
  return port;
}

async function answers(url: string): Promise<void> {
  for (const end = Date.now() + 20_000; Date.now() < end; ) {
    if (await fetch(url).then((response) => response.ok, () => false)) return;
    await new Promise((done) => setTimeout(done, 50));
  }
  throw new Error(`${url} does not answer.`);
}

function killed(child: ChildProcess | undefined): Promise<void> {
  if (!child || child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((done) => {
    child.once("exit", () => done());
    child.kill("SIGKILL");
  });
}

/** The program as a user starts it, a scripted model behind it, and a connection before it that can be cut. */
export class House {
  /** The server's address, and the one that leads through the connection that is cut. */
  base = "";
  throughLine = "";
  /** Cuts each connection after so many bytes of the server; null: none. */
  cutAfter: (() => number) | null = null;
  cuts = 0;
  private home = "";
  private port = 0;
  private server: ChildProcess | undefined;
  private model: ChildProcess | undefined;
  private line: Server | undefined;
  private readonly sockets = new Set<Socket>();

  async open(): Promise<void> {
    this.home = await mkdtemp(join(tmpdir(), "antiphon-client-"));
    const modelPort = await freePort();
    this.port = await freePort();
    this.base = `http://127.0.0.1:${this.port}`;
    const models = [QUICK, LONG].map((name) => JSON.stringify(name.replace("scripted/", ""))).join(", ");
    const provider = `[providers.scripted]\nbase_url = "http://127.0.0.1:${modelPort}/v1"\ncontinuation = true\nmodels = [${models}]\n`;
    await writeFile(join(this.home, "antiphon.toml"), provider);
    this.model = spawn(COMMAND, ["test-model", "--port", String(modelPort)], { cwd: this.home, stdio: "ignore" });
    await Promise.all([answers(`http://127.0.0.1:${modelPort}/v1/models`), this.serve()]);
    this.line = createServer((client) => this.lead(client)).listen(0, "127.0.0.1");
    await new Promise((done) => this.line?.once("listening", done));
    this.throughLine = `http://127.0.0.1:${portOf(this.line)}`;
  }

  async serve(): Promise<void> {
    const env = { ...process.env, PORT: String(this.port), LOG_LEVEL: "warning", ANTIPHON_RATE_LIMITS: "off", DATABASE_URL: `sqlite:///${this.home}/antiphon.db` };
    this.server = spawn(COMMAND, ["serve"], { cwd: this.home, env, stdio: "ignore" });
    await answers(`${this.base}/ready`);
  }

  kill(): Promise<void> {
    return killed(this.server);
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    this.line?.close();
    await Promise.all([killed(this.server), killed(this.model)]);
    await rm(this.home, { recursive: true, force: true });
  }

  private lead(client: Socket): void {
    const server = createConnection(this.port, "127.0.0.1");
    let left = this.cutAfter?.() ?? Infinity;
    const both = [client, server];
    const end = (): void => both.forEach((socket) => socket.destroy());
    for (const socket of both) {
      this.sockets.add(socket);
      socket.on("error", end);
      socket.on("close", () => {
        this.sockets.delete(socket);
        end();
      });
    }
    client.pipe(server);
    server.on("data", (data) => {
      // Also in the middle of an event, and of a character.
      // eslint-disable-next-line no-restricted-syntax -- a socket's, not a document's
      client.write(data.subarray(0, left));
      left -= data.length;
      if (left > 0) return;
      this.cuts++;
      end();
    });
  }
}
