import type { ReactNode } from "react";

/*
 * What the component kit brings along and this page does not show; vite.config.ts puts it in its place. Font Awesome
 * would add 25 kB, and writes a style element into the page, which the page's policy forbids. The kit's scrolling by
 * script would add 9 kB, and takes the browser's own away.
 */

export function FontAwesomeIcon(): null {
  return null;
}

export default function Scroll({ children }: { children?: ReactNode }): ReactNode {
  return <div>{children}</div>;
}
