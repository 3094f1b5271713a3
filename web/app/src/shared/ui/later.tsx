import { useEffect, useEffectEvent, useState, type ComponentType, type ReactNode } from "react";

/**
 * A component of which the code is loaded when it is first shown. Unlike React's `lazy` one that could not be loaded
 * takes nothing else of the page away, and is asked for again when it is shown again, or when the network is back.
 * `Missing` is shown in its place meanwhile.
 */
export function later<P extends object>(load: () => Promise<ComponentType<P>>, Missing: ComponentType<P>): (props: P) => ReactNode {
  let loaded: ComponentType<P> | null = null;
  return function Later(props) {
    const [state, setState] = useState<"loading" | "loaded" | "missing">(loaded === null ? "loading" : "loaded");
    const ask = useEffectEvent(() => {
      load().then(
        (component) => {
          loaded = component;
          setState("loaded");
        },
        () => setState("missing"),
      );
    });
    useEffect(() => {
      if (state === "loaded") return;
      if (state === "loading") {
        ask();
        return;
      }
      const again = (): void => setState("loading");
      addEventListener("online", again);
      return () => removeEventListener("online", again);
    }, [state]);
    if (state === "missing") return <Missing {...props} />;
    const Component = loaded;
    return Component === null ? null : <Component {...props} />;
  };
}
