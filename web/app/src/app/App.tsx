import type { ReactNode } from "react";
import { SessionsProvider } from "../features/sessions/index.js";
import { ServerProvider } from "../shared/server.js";
import { Boundary } from "./Boundary.js";
import { Shell } from "./Shell.js";

export function App(): ReactNode {
  return (
    <ServerProvider>
      <SessionsProvider>
        <Boundary>
          <Shell />
        </Boundary>
      </SessionsProvider>
    </ServerProvider>
  );
}
