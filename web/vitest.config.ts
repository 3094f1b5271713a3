import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const source = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  resolve: { alias: { "@antiphon/client/markdown": source("client/src/markdown/index.ts"), "@antiphon/client": source("client/src/index.ts") } },
  test: { environment: "happy-dom", include: ["*/test/**/*.test.{ts,tsx}"] },
});
