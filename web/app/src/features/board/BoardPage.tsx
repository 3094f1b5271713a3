import { Board, type BoardState, type Post } from "@antiphon/client";
import { useEffect, useEffectEvent, useRef, useState, type ReactNode, type RefObject } from "react";
import { useTranslation } from "react-i18next";
import { announce } from "../../shared/announce.js";
import { useErrorText } from "../../shared/errors.js";
import { useFormat } from "../../shared/hooks/useFormat.js";
import { useServer, type Server } from "../../shared/server.js";
import { Button } from "../../shared/ui/Button.js";
import { toast } from "../../shared/ui/toasts.js";
import { PostForm } from "./PostForm.js";
import { Posts } from "./Posts.js";
import { after, useNewest } from "./useNewest.js";
import "./board.css";

const LOADING: BoardState = { phase: "loading", posts: [], hasOlder: false, error: null };

/** The board, read for as long as the page shows it. */
function useBoard(base: string): [RefObject<Board | null>, BoardState] {
  const board = useRef<Board>(null);
  const [state, setState] = useState(LOADING);
  useEffect(() => {
    const opened = new Board(base);
    board.current = opened;
    const leave = opened.store.subscribe(setState);
    opened.start();
    return () => {
      leave();
      opened.close();
    };
  }, [base]);
  return [board, state];
}

/** Has screen readers say what others post; the list itself is silent, or older posts would be read out as new. */
function useAnnouncements(posts: readonly Post[]): void {
  const { t } = useTranslation("board");
  const format = useFormat();
  const said = useRef<Post["id"] | null>(null);
  useEffect(() => {
    const last = posts.at(-1);
    if (!last) return;
    const fresh = said.current === null ? [] : after(posts, said.current);
    said.current = last.id;
    if (fresh.length === 1) announce(`${last.sender}: ${last.message}`);
    else if (fresh.length > 1) announce(t("more", { count: fresh.length, shown: format.number(fresh.length) }));
  }, [posts, t, format]);
}

/** Asks for older posts when the top comes into view; by button where that does not happen, or did not succeed. */
function Older({ board }: { board: RefObject<Board | null> }): ReactNode {
  const { t } = useTranslation("board");
  const errorText = useErrorText();
  const ref = useRef<HTMLDivElement>(null);
  const [loading, setLoading] = useState(false);
  const load = async () => {
    if (loading) return;
    setLoading(true);
    try {
      await board.current?.loadOlder();
    } catch (error) {
      const { text, detail } = errorText(error);
      toast(text, { detail, error: true });
    }
    setLoading(false);
  };
  const near = useEffectEvent(() => void load());
  useEffect(() => {
    const observer = new IntersectionObserver(([entry]) => entry?.isIntersecting && near());
    if (ref.current) observer.observe(ref.current);
    return () => observer.disconnect();
  }, []);
  return (
    <div ref={ref} className="board-older">
      <Button look="quiet" disabled={loading} onClick={() => void load()}>
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
        {server.url === "" ? null : (
          <>
            <li>{t("checkOrigin", { origin: location.origin })}</li>
            <li>{t("checkPolicy")}</li>
          </>
        )}
      </ul>
      <p className="board-detail">
        {text} {detail}
      </p>
      <Button onClick={retry}>{t("retry")}</Button>
    </div>
  );
}

function Log({ state, board, server }: { state: BoardState; board: RefObject<Board | null>; server: Server }): ReactNode {
  const { t } = useTranslation("board");
  const { phase, posts, hasOlder, error } = state;
  if (phase === "unreachable" && posts.length === 0) return <Unreachable server={server} error={error} retry={() => board.current?.start()} />;
  if (phase === "loading") return <p className="board-empty">{t("loading")}</p>;
  if (posts.length === 0) return <p className="board-empty">{t("empty")}</p>;
  return (
    <>
      {hasOlder ? <Older board={board} /> : <p className="board-older">{t("beginning")}</p>}
      <Posts posts={posts} />
    </>
  );
}

function BoardOf({ server }: { server: Server }): ReactNode {
  const { t } = useTranslation("board");
  const format = useFormat();
  const [board, state] = useBoard(server.url);
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
        <PostForm server={server.url} post={async (sender, message) => board.current?.post(sender, message)} onPosted={toNewest} />
      </div>
    </div>
  );
}

/** The message board of the server that is chosen. */
export function BoardPage(): ReactNode {
  const { server } = useServer();
  return <BoardOf key={server.url} server={server} />;
}
