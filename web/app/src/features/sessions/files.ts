/** Hand the reader a file made here. */
export function download(name: string, type: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  // Not at once: some browsers begin to read it only then.
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** A title as a file's name: without what some system forbids in one, and no longer than 80 characters. */
export function fileName(title: string, ending: string): string {
  const name = Array.from(title.replaceAll(/[\p{Cc}<>:"/\\|?*]+/gu, " ").replaceAll(/\s+/g, " ").trim()).slice(0, 80).join("");
  return `${name.replaceAll(/^\.+|\.+$/g, "").trim() || "conversation"}.${ending}`;
}
