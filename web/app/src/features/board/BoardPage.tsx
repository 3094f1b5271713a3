import { Board, type BoardState, type Post } from "@antiphon/client";
import { useEffect, useMemo, useRef, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { useStore } from "zustand";
import { announce } from "../../shared/announce.js";
import { useErrorText } from "../../shared/errors.js";
import { useFormat } from "../../shared/hooks/useFormat.js";
import { useServer, type Server } from "../../shared/server.js";
import { Button } from "../../shared/ui/Button.js";
import { PostForm } from "./PostForm.js";
import { Posts } from "./Posts.js";
import { useNewest } from "./useNewest.js";
import "./board.css";

function useBoard(base: string): Board {
  const board = useMemo(() => new Board(base), [base]);
  useEffect(() => {
    board.start();
    return () => board.close();
  }, [board]);
  return board;
}

/** Has screen readers say what others post; the list itself is silent, or older posts would be read out as new. */
function useAnnouncements(posts: readonly Post[]): void {
  const { t } = useTranslation("board");
  const format = useFormat();
  const said = useRef<number | null>(null);
  useEffect(() => {
    const last = posts.at(-1);
    if (!last) return;
    const fresh = said.current === null ? [] : posts.filter(({ id }) => id > (said.current ?? 0));
    said.current = last.id;
    if (fresh.length === 1) announce(`${last.sender}: ${last.message}`);
    else if (fresh.length > 1) announce(t("more", { count: fresh.length, shown: format.number(fresh.length) }));
  }, [posts, t, format]);
}

/** Asks for older posts when the top comes into view; by button where that does not happen. */
function Older({ load }: { load: () => void }): ReactNode {
  const { t } = useTranslation("board");
  const ref = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const observer = new IntersectionObserver(([entry]) => entry?.isIntersecting && load());
    if (ref.current) observer.observe(ref.current);
    return () => observer.disconnect();
  }, [load]);
  return (
    <div ref={ref} className="board-older">
      <Button look="quiet" onClick={load}>
        {t("older")}
      </Button>
    </div>
  );
}

function Unreachable({ server, error, retry }: { server: Server; error: BoardState["error"]; retry: () => void }): ReactNode {
  const { t } = useTranslation("board");
  const { text, detail } = useErrorText()(error);
  const address = `${server.url || location.origin}/api/chat`;
  return (
    <div className="board-message" role="alert">
      <p>
        <strong>{t("unreachable", { address })}</strong>
      </p>
      <ul>
        <li>{t("checkAddress")}</li>
        {server.url === "" ? null : <li>{t("checkOrigin", { origin: location.origin })}</li>}
      </ul>
      <p className="board-detail">
        {text} {detail}
      </p>
      <Button onClick={retry}>{t("retry")}</Button>
    </div>
  );
}

function Log({ state, board, server }: { state: BoardState; board: Board; server: Server }): ReactNode {
  const { t } = useTranslation("board");
  const load = useMemo(() => () => void board.loadOlder(), [board]);
  const { phase, posts, hasOlder, error } = state;
  if (phase === "unreachable" && posts.length === 0) return <Unreachable server={server} error={error} retry={() => board.start()} />;
  if (phase === "loading") return <p className="board-empty">{t("loading")}</p>;
  if (posts.length === 0) return <p className="board-empty">{t("empty")}</p>;
  return (
    <>
      {hasOlder ? <Older load={load} /> : <p className="board-older">{t("beginning")}</p>}
      <Posts posts={posts} />
    </>
  );
}

function BoardOf({ server }: { server: Server }): ReactNode {
  const { t } = useTranslation("board");
  const format = useFormat();
  const board = useBoard(server.url);
  const state = useStore(board.store);
  const { scroller, onScroll, unseen, toNewest } = useNewest(state.posts);
  useAnnouncements(state.posts);
  const stale = state.error !== null && state.posts.length > 0;
  return (
    <div className="board" data-testid="board" data-phase={state.phase}>
      <header className="board-top">
        <h1>{t("title")}</h1>
        <p>{t("about")}</p>
      </header>
      <div ref={scroller} className="board-scroll" role="log" aria-live="off" aria-label={t("log")} tabIndex={0} onScroll={onScroll}>
        <Log state={state} board={board} server={server} />
      </div>
      <div className="board-foot">
        {unseen > 0 ? (
          <Button className="board-newest" onClick={toNewest}>
            {t("more", { count: unseen, shown: format.number(unseen) })}
          </Button>
        ) : null}
        {stale ? (
          <p className="board-stale" role="status">
            {t("stale")}
          </p>
        ) : null}
        <PostForm server={server.url} post={(sender, message) => board.post(sender, message)} onPosted={toNewest} />
      </div>
    </div>
  );
}

/** The message board of the server that is chosen. */
export function BoardPage(): ReactNode {
  const { server } = useServer();
  return <BoardOf key={server.url} server={server} />;
}
