import { fileURLToPath } from "node:url";
import { defineConfig, type UserConfig } from "vite";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** Reading or writing a property does nothing else in what is built in here: parts of marked that nobody calls are left out. */
const treeshake = { propertyReadSideEffects: false, propertyWriteSideEffects: false } as const;

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
    return { ...common, build: { ...output, lib, rolldownOptions: { treeshake } } };
  }
  const lib = { entry: { widget: here("src/index.ts"), react: here("src/react.ts") }, formats: ["es" as const] };
  const rolldownOptions = { treeshake, external: ["react"], preserveEntrySignatures: "allow-extension" as const, output: { minify: true, entryFileNames: "[name].mjs" } };
  return { ...common, build: { ...output, lib, rolldownOptions } };
});
