// Puts a brotli and a gzip variant beside each built file that gets smaller by it, at their best: it is done once.
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";
import { OUT } from "./built.mjs";

// Fonts and pictures are compressed already.
const TEXT = /\.(?:css|html|js|json|mjs|svg|txt|webmanifest)$/;
// Less than that fits into the first packet in any case.
const SMALLEST = 512;
const VARIANTS = {
  ".br": (body) => promisify(brotliCompress)(body, { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: body.length } }),
  ".gz": (body) => promisify(gzip)(body, { level: 9 }),
};

async function compress(path) {
  const body = await readFile(path);
  for (const [end, encode] of Object.entries(VARIANTS)) {
    const encoded = await encode(body);
    // A variant of an earlier build must not stay beside another file.
    if (body.length >= SMALLEST && encoded.length < 0.95 * body.length) await writeFile(path + end, encoded);
    else await rm(path + end, { force: true });
  }
}

const entries = await readdir(OUT, { recursive: true, withFileTypes: true });
const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
const kept = new Set(paths);
for (const path of paths) {
  const variantOf = /^(.*)\.(?:br|gz)$/.exec(path)?.[1];
  if (variantOf !== undefined && !kept.has(variantOf)) await rm(path);
}
await Promise.all(paths.filter((path) => TEXT.test(path) && !path.includes("/.vite/")).map(compress));
