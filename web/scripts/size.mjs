// Holds what readers load against its budgets. Sizes are of gzip: browsers get brotli, which is smaller.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { parseAst } from "vite";
import { OUT } from "./built.mjs";

/** In kB of 1,000 bytes. */
const BUDGETS = { page: 250, widget: 60 };

const text = (name) => readFile(join(OUT, name), "utf8");
const kilobytes = async (name) => gzipSync(await readFile(join(OUT, name)), { level: 9 }).length / 1000;

/** The scripts that a document names: what it loads before it can do anything. */
function scriptsOf(html) {
  const tags = html.match(/<(?:script|link)\b[^>]*>/g) ?? [];
  const scripts = tags.filter((tag) => tag.startsWith("<script") || /\brel="?modulepreload/.test(tag));
  return scripts.map((tag) => /\b(?:src|href)="?\/([^"\s>]+)/.exec(tag)?.[1]).filter((name) => name !== undefined);
}

/** What the build says that each file imports at once, which no one may have preloaded. */
async function importsOf() {
  const manifest = JSON.parse(await text(".vite/manifest.json"));
  return new Map(Object.values(manifest).map(({ file, imports = [] }) => [file, imports.map((key) => manifest[key].file)]));
}

async function firstLoad() {
  const imports = await importsOf();
  const found = new Set();
  const waiting = scriptsOf(await text("index.html"));
  if (waiting.length === 0) throw new Error("index.html loads no script: is it a build?");
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    if (found.has(name)) continue;
    found.add(name);
    waiting.push(...(imports.get(name) ?? []));
  }
  return [...found];
}

const IMPORTING = new Set(["ImportDeclaration", "ImportExpression", "ExportAllDeclaration", "ExportNamedDeclaration"]);

/** Whether a script needs another file: the page of a shop would have to wait for that one too. */
async function importing(name) {
  const waiting = [parseAst(await text(name))];
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    if (IMPORTING.has(node.type) && node.source !== null) return true;
    waiting.push(...Object.values(node).flat().filter((each) => typeof each?.type === "string"));
  }
  return false;
}

const rows = [];
const faults = [];

async function weigh(what, files, budget) {
  let total = 0;
  for (const name of files) {
    const size = await kilobytes(name);
    total += size;
    rows.push([name, size.toFixed(1), ""]);
  }
  rows.push([what, total.toFixed(1), `of ${String(budget)}`]);
  if (total > budget) faults.push(`${what}: ${total.toFixed(1)} kB are over the budget of ${String(budget)} kB. Load what is not needed at once by import().`);
}

await weigh("the page's first load", await firstLoad(), BUDGETS.page);
for (const name of ["widget.js", "widget.mjs"]) {
  await weigh("the widget", [name], BUDGETS.widget);
  if (await importing(name)) faults.push(`${name} imports another file: build it as one.`);
}

const width = Math.max(...rows.map(([name]) => name.length));
console.log(`${"kB of gzip".padStart(width + 12)}`);
for (const [name, size, budget] of rows) console.log(`${name.padEnd(width)}  ${size.padStart(9)}  ${budget}`.trimEnd());
for (const fault of faults) console.error(fault);
process.exitCode = faults.length > 0 ? 1 : 0;
