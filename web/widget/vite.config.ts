import { fileURLToPath } from "node:url";
import { defineConfig, type Plugin, type UserConfig } from "vite";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

const KEPT = ["Lexer", "Tokenizer"];

/**
 * Leaves out the instance that marked makes of itself when it is loaded: with it its parser and renderer would stay,
 * and nobody here makes HTML. (Rolldown's options that say so of all files also leave out what a loop stands on.)
 */
function lexerOnly(): Plugin {
  return {
    name: "lexer-only",
    transform(code, id) {
      if (!id.endsWith("/marked.esm.js")) return null;
      const names = KEPT.map((name) => new RegExp(`([\\w$]+) as ${name}\\b`).exec(code)?.[0]);
      const cut = code.replace(/var [\w$]+=new [\w$]+;function [\w$]+\([\w$]+,[\w$]+\)\{return[^]*export\{[^}]*\};/, `export{${names.join(",")}};`);
      if (cut === code || names.includes(undefined)) throw new Error("marked has changed: see what lexerOnly leaves out.");
      return { code: cut, map: null };
    },
  };
}

/** What both builds share. The core is built in from its sources; only React, where it is used, is the page's own. */
const common: UserConfig = {
  plugins: [lexerOnly()],
  resolve: {
    alias: {
      "@antiphon/client/markdown": here("../client/src/markdown/index.ts"),
      "@antiphon/client": here("../client/src/index.ts"),
    },
  },
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  publicDir: false,
};
const output: UserConfig["build"] = { outDir: "dist", emptyOutDir: false, target: "es2022", license: { fileName: "licenses.txt" } };

/** `script`: the classic script, in one file. `module`: the ES module, and the React component on top of it. */
export default defineConfig(({ mode }) => {
  if (mode === "script") {
    const lib = { entry: here("src/script.ts"), formats: ["iife" as const], name: "antiphonChat", fileName: () => "widget.js" };
    return { ...common, build: { ...output, lib } };
  }
  const lib = { entry: { widget: here("src/index.ts"), react: here("src/react.ts") }, formats: ["es" as const] };
  const rolldownOptions = { external: ["react"], preserveEntrySignatures: "allow-extension" as const, output: { minify: true, entryFileNames: "[name].mjs" } };
  return { ...common, build: { ...output, lib, rolldownOptions } };
});
