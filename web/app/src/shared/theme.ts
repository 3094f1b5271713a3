import { preferences } from "./preferences.js";

/** Follow the chosen theme: `data-theme` on the root, and the colour of the browser's own bars. */
export function startTheme(): void {
  const metas = document.querySelectorAll<HTMLMetaElement>('meta[name="theme-color"]');
  const usual = Array.from(metas, (meta) => meta.content);
  const apply = () => {
    const { theme } = preferences.getState();
    const root = document.documentElement;
    if (theme === "system") delete root.dataset["theme"];
    else root.dataset["theme"] = theme;
    // With a theme of one's own both media have its colour; else each the one of the page as it was delivered.
    const own = getComputedStyle(root).getPropertyValue("--rail").trim();
    metas.forEach((meta, at) => (meta.content = theme === "system" || own === "" ? (usual[at] ?? "") : own));
  };
  apply();
  preferences.subscribe((now, before) => {
    if (now.theme !== before.theme) apply();
  });
}
