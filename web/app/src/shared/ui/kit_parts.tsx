import type { ReactNode } from "react";

/*
 * Stands in for what the component kit brings along and this page does not show (vite.config.ts): Font Awesome, which
 * writes a style element into the page against the page's policy, and scrolling by script. Both were 25 kB of the first
 * load.
 */

export function FontAwesomeIcon(): null {
  return null;
}

export default function Scroll({ children }: { children?: ReactNode }): ReactNode {
  return <div>{children}</div>;
}
