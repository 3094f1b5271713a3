// Where the built files are.
import { fileURLToPath } from "node:url";

export const OUT = process.argv[2] ?? fileURLToPath(new URL("../../src/antiphon/transports/static/web", import.meta.url));
