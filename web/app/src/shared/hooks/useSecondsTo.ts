import { useEffect, useState } from "react";

/** The whole seconds until a moment, in milliseconds since 1970, counted down; null: it is not known, or over. */
export function useSecondsTo(moment: number | null): number | null {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    if (moment === null) return;
    const timer = setInterval(() => {
      const at = Date.now();
      setNow(at);
      if (at >= moment) clearInterval(timer);
    }, 250);
    return () => clearInterval(timer);
  }, [moment]);
  if (moment === null) return null;
  const left = Math.ceil((moment - now) / 1000);
  return left > 0 ? left : null;
}
