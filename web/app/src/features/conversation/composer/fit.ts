const BROWSER_FITS = typeof CSS !== "undefined" && CSS.supports("field-sizing", "content");

/** Make a text area as high as its text, up to its `max-height`, where the browser does not by itself. */
export function fit(area: HTMLTextAreaElement | null): void {
  if (area === null || BROWSER_FITS) return;
  area.style.height = "auto";
  area.style.height = `${area.scrollHeight}px`;
}
