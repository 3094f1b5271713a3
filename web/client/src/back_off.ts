const FIRST_MS = 250;
const LONGEST_MS = 8000;

/**
 * How long to wait after so many failures in a row, in milliseconds. With jitter, so that all pages of a
 * restarted server do not come back in the same instant.
 */
export function backOff(failures: number): number {
  const most = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.max(0, failures - 1));
  return most * (0.5 + Math.random() / 2);
}
