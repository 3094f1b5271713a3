import { useEffect } from "react";
import { useServer } from "../shared/server.js";

/** A page that is hidden for long lets go of its connection, and comes back to where it was. */
export function useVisible(): void {
  const { chat } = useServer();
  useEffect(() => {
    const tell = (): void => chat.setVisible(document.visibilityState === "visible");
    tell();
    document.addEventListener("visibilitychange", tell);
    return () => document.removeEventListener("visibilitychange", tell);
  }, [chat]);
}
