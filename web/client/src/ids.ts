/** A new id that nobody can guess. Not `crypto.randomUUID`: browsers have it on https and localhost only. */
export function newId(prefix: string): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return prefix + Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
