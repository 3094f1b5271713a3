/** How long a slice of work in idle time may take, in milliseconds. */
const SLICE_MS = 8;
const queue: (() => void)[] = [];
let waiting = false;

function work(): void {
  waiting = false;
  const until = performance.now() + SLICE_MS;
  while (queue.length > 0 && performance.now() < until) queue.shift()?.();
  if (queue.length > 0) wait();
}

function wait(): void {
  if (waiting) return;
  waiting = true;
  // Safari has no idle callbacks. The time limit: a page that is never idle shall be coloured nevertheless.
  if (typeof requestIdleCallback === "function") requestIdleCallback(work, { timeout: 1000 });
  else setTimeout(work, 50);
}

/** Do it when there is nothing else to do, in order. A piece of work must be short: it is not interrupted. */
export function whenIdle(piece: () => void): void {
  queue.push(piece);
  wait();
}
