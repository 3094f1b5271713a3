import { defineConfig } from "vitest/config";

export default defineConfig({
  resolve: { alias: { "@antiphon/client/markdown": new URL("client/src/markdown/index.ts", import.meta.url).pathname, "@antiphon/client": new URL("client/src/index.ts", import.meta.url).pathname } },
  test: { environment: "happy-dom", include: ["*/test/**/*.test.{ts,tsx}"] },
});
