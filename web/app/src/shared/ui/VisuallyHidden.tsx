import type { ReactNode } from "react";

/** Text for who listens only. */
export function VisuallyHidden({ children }: { children: ReactNode }): ReactNode {
  return <span className="sr">{children}</span>;
}
