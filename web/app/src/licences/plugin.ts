import { readdirSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import type { Plugin, Rolldown } from "vite";

const TEXT = /^(?:licen[cs]e|copying)/i;
const FONT = /\.(?:woff2?|ttf|otf)$/;

/** The folder of the package that a module is of; none for our own modules and those that the build makes. */
function packageOf(module: string): string | undefined {
  return module.startsWith("\0") ? undefined : /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(module)?.[0];
}

/** What the package's authors ask to be told with it. */
function termsOf(folder: string): string {
  const { name, version, license } = JSON.parse(readFileSync(`${folder}/package.json`, "utf8")) as Record<"name" | "version" | "license", string | undefined>;
  const file = readdirSync(folder).find((each) => TEXT.test(each));
  if (license === undefined && file === undefined) throw new Error(`${folder} does not say under which licence it is: it can't be built in.`);
  return entry(`${name ?? folder} - ${version ?? ""}${license === undefined ? "" : ` (${license})`}`, file === undefined ? "" : `${folder}/${file}`);
}

const entry = (title: string, path: string) => `## ${title}\n${path === "" ? "" : `\n${readFileSync(path, "utf8").trim()}\n`}`;

/** The notices that belong to the fonts of a build. `notices`: files by what the names of their fonts begin with. */
function fontTerms(bundle: Rolldown.OutputBundle, notices: Readonly<Record<string, string>>): string[] {
  const beginnings = Object.keys(bundle).filter((name) => FONT.test(name)).map((name) => {
    const found = Object.keys(notices).find((beginning) => basename(name).startsWith(beginning));
    if (found === undefined) throw new Error(`${name}: name the licence of this font in vite.config.ts.`);
    return found;
  });
  return [...new Set(beginnings)].map((beginning) => entry(`${beginning} (fonts)`, notices[beginning] ?? ""));
}

/**
 * Lists the licences of all that is shipped in `fileName`. Vite's own list knows nothing of workers, which are bundles
 * of their own (`inWorkers` looks into those), nor of fonts, whose terms may be others than their package's.
 */
export function licences(fileName: string, notices: Readonly<Record<string, string>>): { list: Plugin; inWorkers: () => Plugin[] } {
  const folders = new Set<string>();
  const look = (bundle: Rolldown.OutputBundle): void => {
    const modules = Object.values(bundle).flatMap((item) => (item.type === "chunk" ? item.moduleIds : []));
    for (const folder of modules.map(packageOf)) if (folder !== undefined) folders.add(folder);
  };
  const list: Plugin = {
    name: "antiphon:licences",
    apply: "build",
    generateBundle(_options, bundle) {
      look(bundle);
      const told = [...new Set([...folders].map(termsOf)), ...fontTerms(bundle, notices)].sort();
      this.emitFile({ type: "asset", fileName, source: `# Licences\n\nThis page is made of these works too, under the terms of their authors:\n\n${told.join("\n")}` });
    },
  };
  const inWorkers = (): Plugin[] => [{ name: "antiphon:licences-in-workers", generateBundle: (_options, bundle) => look(bundle) }];
  return { list, inWorkers };
}
