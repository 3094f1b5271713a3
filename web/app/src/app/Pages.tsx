import type { ReactNode } from "react";
import { Redirect, Route, Switch } from "wouter";
import { useServer } from "../shared/server.js";
import { later } from "../shared/ui/later.js";
import { ChatPage } from "./ChatPage.js";
import { MissingPage } from "./MissingPage.js";
import { NoPage } from "./NoPage.js";

const BoardPage = later(() => import("../features/board/index.js").then(({ BoardPage: page }) => page), MissingPage);
const StatusPage = later(() => import("../features/status/index.js").then(({ StatusPage: page }) => page), MissingPage);

/** A new conversation, or one by its id. */
const CHAT = /^\/(?:c\/(?<id>[^/]+))?\/?$/;

/** What the address names. `leading`: the way to the sidebar, for the top of each page. */
export function Pages({ leading }: { leading: ReactNode }): ReactNode {
  const { server } = useServer();
  const chats = server.kind === "antiphon";
  const bar = <div className="bar">{leading}</div>;
  return (
    <Switch>
      <Route path="/board">
        {bar}
        <BoardPage />
      </Route>
      <Route path="/status">
        {bar}
        <StatusPage />
      </Route>
      {/* One route for both, so that a conversation that gets its id is not drawn anew. */}
      {chats && (
        <Route path={CHAT}>
          <ChatPage leading={leading} />
        </Route>
      )}
      {!chats && (
        <Route path={CHAT}>
          <Redirect to="/board" replace />
        </Route>
      )}
      <Route>
        {bar}
        <NoPage />
      </Route>
    </Switch>
  );
}
