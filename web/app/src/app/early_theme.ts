// Runs in the head before the first paint, as a classic script: it must not import anything. Without it a reader whose
// choice is not the system's would see the other theme until the page's module runs. The key is that of
// shared/preferences.ts; web/app/test/theme.test.ts runs both.
{
  const root = document.documentElement;
  let theme: unknown;
  try {
    theme = (JSON.parse(localStorage.getItem("antiphon.preferences") ?? "{}") as { theme?: unknown }).theme;
  } catch {
    theme = null;
  }
  if (theme === "light" || theme === "dark") root.dataset["theme"] = theme;
}
export {};
