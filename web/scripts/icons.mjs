// Renders the PNG icons from their SVGs with a headless Chromium, whose path is in CHROMIUM. Run it after a change:
//   CHROMIUM=/usr/bin/chromium node scripts/icons.mjs
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const CHROMIUM = process.env.CHROMIUM ?? "chromium";
const ICONS = new URL("../app/public/icons/", import.meta.url);
const MADE = [
  { from: "app.svg", to: "app-192.png", size: 192 },
  { from: "app.svg", to: "app-512.png", size: 512 },
  { from: "maskable.svg", to: "maskable-512.png", size: 512 },
  // Filled to its corners, since the system rounds them itself.
  { from: "maskable.svg", to: "apple-touch-icon.png", size: 180 },
];

const run = promisify(execFile);
const home = await mkdtemp(join(tmpdir(), "icons-"));
try {
  for (const { from, to, size } of MADE) {
    const page = join(home, "icon.html");
    const svg = await readFile(new URL(from, ICONS), "utf8");
    await writeFile(page, `<!doctype html><style>body{margin:0}svg{display:block;width:${size}px;height:${size}px}</style>${svg}`);
    await run(CHROMIUM, ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--default-background-color=00000000", `--user-data-dir=${home}/profile`, `--window-size=${size},${size}`, `--screenshot=${new URL(to, ICONS).pathname}`, `file://${page}`]);
  }
} finally {
  await rm(home, { recursive: true, force: true });
}
