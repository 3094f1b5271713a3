import { fileURLToPath } from "node:url";
import { defineConfig, type UserConfig } from "vite";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** What both builds share. The core is built in from its sources; only React, where it is used, is the page's own. */
const common: UserConfig = {
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
