import type { Plugin, Rolldown } from "vite";

const SHELL = "__SHELL__";
const WORKER = "sw.js";

/**
 * What is loaded later is kept from the start as well if it is so small, in bytes: the other pages and languages, which
 * would else be missing offline on the first visit. Typesetting and highlighting are large and can wait.
 */
const SMALL = 65_536;

/** The files that the chunk needs: itself, what it imports now or may import later, and their styles. */
function needed(bundle: Rolldown.OutputBundle, name: string, found: Set<string>): Set<string> {
  const chunk = bundle[name];
  if (chunk?.type !== "chunk" || found.has(name)) return found;
  found.add(name);
  for (const style of chunk.viteMetadata?.importedCss ?? []) found.add(style);
  for (const imported of chunk.imports) needed(bundle, imported, found);
  for (const later of chunk.dynamicImports.filter((each) => isSmall(bundle[each]))) needed(bundle, later, found);
  return found;
}

function isSmall(item: Rolldown.OutputBundle[string] | undefined): boolean {
  return item?.type === "chunk" && item.code.length <= SMALL;
}

/** A short name for the whole build: the names have the hashes of their contents, but for that of the page. */
async function versionOf(bundle: Rolldown.OutputBundle): Promise<string> {
  const page = bundle["index.html"];
  const told = [...Object.keys(bundle).filter((name) => name !== WORKER).sort(), page?.type === "asset" ? page.source : ""];
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(told.join("\n")));
  return Array.from(new Uint8Array(digest).slice(0, 6), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * Builds the service worker as `/sw.js` and tells it what to keep: the files of the first load. Its name has no hash,
 * since browsers look for new versions at the same address; its text changes with every file of the build.
 */
export function serviceWorker(source: string): Plugin {
  return {
    name: "antiphon:service-worker",
    apply: "build",
    // After Vite's own plugins, which write the page and know the styles.
    enforce: "post",
    buildStart() {
      this.emitFile({ type: "chunk", id: source, fileName: WORKER });
    },
    async generateBundle(_options, bundle) {
      const worker = bundle[WORKER];
      if (worker?.type !== "chunk" || worker.imports.length > 0) this.error("sw.js must be one chunk without imports: share no module between it and the page.");
      const entries = Object.values(bundle).filter((item) => item.type === "chunk" && item.isEntry && item !== worker);
      const files = entries.reduce((found, entry) => needed(bundle, entry.fileName, found), new Set<string>());
      const version = await versionOf(bundle);
      worker.code = worker.code.replaceAll(SHELL, JSON.stringify({ version, files: [...files].map((name) => `/${name}`) }));
    },
  };
}
