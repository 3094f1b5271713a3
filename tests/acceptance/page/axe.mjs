// Accessibility by axe-core: no violation of WCAG 2.2 A and AA or of its best practices.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";

const source = await readFile(new URL("node_modules/axe-core/axe.min.js", import.meta.url), "utf8");

export async function accessible(page, what) {
  await page.evaluate(source);
  const violations = await page.evaluate(async () => {
    const found = await globalThis.axe.run(document, { resultTypes: ["violations"] });
    return found.violations.map((one) => ({ id: one.id, help: one.help, where: one.nodes.slice(0, 5).map((node) => `${node.target.join(" ")}: ${node.failureSummary}`) }));
  });
  assert.deepEqual(violations, [], what);
}
