import { useRef, type ReactNode, type RefObject } from "react";
import { useNear } from "./useNear.js";

interface LaterProps {
  root: RefObject<HTMLElement | null>;
  /** Where the drawing ends: when it changes it is looked anew whether the reader is near. */
  end: number;
  /** The reader is near the last message drawn. */
  onNear: () => void;
}

/** Stands after the last message drawn while there are later ones. */
export function Later({ root, end, onNear }: LaterProps): ReactNode {
  const mark = useRef<HTMLDivElement>(null);
  useNear(root, mark, "below", end, onNear);
  return <div ref={mark} />;
}
