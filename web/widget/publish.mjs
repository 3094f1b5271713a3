// Puts what was built where the Python server serves it from. The rest of that folder is the page's.
import { cp, mkdir, readFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";

const here = (path) => new URL(path, import.meta.url);
const served = here("../../src/antiphon/transports/static/web/");

await mkdir(new URL("widget-demo/", served), { recursive: true });
for (const name of ["widget.js", "widget.mjs"]) {
  const bytes = gzipSync(await readFile(here(`dist/${name}`)), { level: 9 }).length;
  console.log(`${name}: ${(bytes / 1000).toFixed(1)} kB gzipped`);
  await cp(here(`dist/${name}`), new URL(name, served));
}
await cp(here("dist/licenses.txt"), new URL("widget-licenses.txt", served));
await cp(here("demo/index.html"), new URL("widget-demo.html", served));
for (const name of ["demo.css", "demo.js"]) await cp(here(`demo/${name}`), new URL(`widget-demo/${name}`, served));
