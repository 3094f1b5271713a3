import { readdir, rm } from "node:fs/promises";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";
import { licences } from "./src/licences/plugin.js";
import { serviceWorker } from "./src/sw/plugin.js";

const source = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const OUT = source("../../src/antiphon/transports/static/web");

/** `Features.DirSelector` of Lightning CSS, which Vite brings along. */
const DIR_SELECTOR = 4;

/** Empties the folder but for the widget's files, which another build puts there. */
function emptyOwn(): Plugin {
  let out = OUT;
  return {
    name: "empty-own",
    apply: "build",
    configResolved: (config) => void (out = resolve(config.root, config.build.outDir)),
    async buildStart() {
      const names = await readdir(out).catch(() => []);
      await Promise.all(names.filter((name) => !name.startsWith("widget")).map((name) => rm(`${out}/${name}`, { recursive: true })));
    },
  };
}

/**
 * Puts the theme's script into the head as a classic script: it holds the first paint back until the theme is known,
 * which a module does not do everywhere, and an inline script would need a hash in the Content-Security-Policy.
 */
function earlyTheme(): Plugin {
  const path = "src/app/early_theme.ts";
  let builds = false;
  return {
    name: "early-theme",
    configResolved: (config) => void (builds = config.command === "build"),
    buildStart() {
      if (builds) this.emitFile({ type: "chunk", id: source(path), name: "theme" });
    },
    transformIndexHtml: {
      order: "post",
      handler(_html, { bundle }) {
        const built = Object.values(bundle ?? {}).find((file) => file.type === "chunk" && file.facadeModuleId === source(path));
        const attrs = built === undefined ? { type: "module", src: `/${path}` } : { src: `/${built.fileName}` };
        return [{ tag: "script", attrs, injectTo: "head" }];
      },
    },
  };
}

const server = process.env["ANTIPHON_URL"] ?? "http://127.0.0.1:8000";
const routes = ["/api", "/health", "/ready", "/stats", "/docs", "/openapi.json", "/graphql", "/v1"];

// What is built in keeps its authors' terms: they are served beside it.
const { list, inWorkers } = licences("licenses.txt", { KaTeX: source("src/licences/katex_fonts.txt") });

export default defineConfig({
  plugins: [react(), emptyOwn(), earlyTheme(), serviceWorker(source("src/sw/worker.ts")), list],
  worker: { plugins: inWorkers },
  resolve: {
    alias: [
      { find: "@antiphon/client/markdown", replacement: source("../client/src/markdown/index.ts") },
      { find: "@antiphon/client", replacement: source("../client/src/index.ts") },
      // The kit's only: `../Scroll` is its own module, and nothing else here imports Font Awesome.
      { find: /^(@fortawesome\/react-fontawesome|\.\.\/Scroll)$/, replacement: source("src/shared/ui/kit_parts.tsx") },
    ],
  },
  // `:dir()` stays: lowered to languages it would be wrong of an English reply on an Arabic page (scrolling.css).
  css: { lightningcss: { exclude: DIR_SELECTOR } },
  build: {
    outDir: OUT,
    emptyOutDir: false,
    manifest: true,
    // The page's policy allows no `data:` fonts, and the polyfill would be one more script before the first paint.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      output: { entryFileNames: "assets/[name]-[hash].js" },
      // The kit does not say that its modules only define components; all that the page does not use would be loaded.
      treeshake: { moduleSideEffects: [{ test: /@chatscope\/chat-ui-kit-react|@fortawesome/, sideEffects: false }] },
    },
  },
  server: { proxy: Object.fromEntries(routes.map((route) => [route, { target: server, ws: true }])) },
});
