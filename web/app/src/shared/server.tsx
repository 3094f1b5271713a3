import { Api, Chat, Connection, type ConnectionState, type PageSettings, type SessionState } from "@antiphon/client";
import { createContext, useCallback, useContext, useEffect, useMemo, useState, type ReactNode } from "react";
import { useStore } from "zustand";
import { apiOf } from "./api.js";
import { offlineSessions } from "./offline.js";
import { keptServers, keepServers, THIS_SERVER, together, type Server } from "./servers.js";
import { tellSession } from "./session_news.js";
import { readJson, stored, storedFor } from "./storage.js";

export type { Server } from "./servers.js";

export interface ServerContext {
  server: Server;
  /** This one first, then those its operator names, then those the reader added. */
  servers: Server[];
  choose: (server: Server) => void;
  /** Keep a server that the reader named, in place of what was known of it. */
  add: (server: Server) => void;
  /** Forget one that the reader added. */
  remove: (server: Server) => void;
  api: Api;
  chat: Chat;
  connection: Connection;
  /** Of the server this page came from; null until it has told them once. */
  settings: PageSettings | null;
}

/** All that belongs to one server. */
interface Line {
  server: Server;
  api: Api;
  chat: Chat;
  connection: Connection;
}

function connect(server: Server): Line {
  const connection = new Connection();
  const api = apiOf(server.url, connection);
  const chat = new Chat({ api, connection, cache: offlineSessions(server.url), storage: storedFor(server.url), onSession: tellSession });
  return { server, api, chat, connection };
}

const CHOSEN = "server";
const Context = createContext<ServerContext | null>(null);

const SETTINGS = "page";

/** What was told the last time; null where nothing usable is kept. */
function keptSettings(): PageSettings | null {
  const kept = readJson(SETTINGS, null) as Partial<PageSettings> | null;
  return typeof kept?.version === "string" && typeof kept.status === "boolean" && Array.isArray(kept.servers) ? { version: kept.version, status: kept.status, servers: kept.servers } : null;
}

/** What the operator of this page's server tells about it, until then what was told last; asked again until it answers. */
function useSettings(): PageSettings | null {
  const [settings, setSettings] = useState(keptSettings);
  useEffect(() => {
    let timer = 0;
    const ask = (failures: number): void => {
      new Api().pageSettings().then(
        (told) => {
          setSettings(told);
          stored.setItem(SETTINGS, JSON.stringify(told));
        },
        () => {
          timer = window.setTimeout(() => ask(failures + 1), Math.min(60_000, 2000 * 2 ** failures));
        },
      );
    };
    ask(0);
    return () => clearTimeout(timer);
  }, []);
  return settings;
}

/** The line to the chosen server; another choice closes it and opens that one's. */
function useLine(): [Line, (server: Server) => void] {
  const [line, setLine] = useState(() => connect(keptServers().find((one) => one.url === stored.getItem(CHOSEN)) ?? THIS_SERVER));
  const choose = useCallback(
    (server: Server): void => {
      stored.setItem(CHOSEN, server.url);
      if (server.url === line.server.url) return;
      line.chat.close();
      line.connection.close();
      setLine(connect(server));
    },
    [line],
  );
  return [line, choose];
}

export function ServerProvider({ children }: { children: ReactNode }): ReactNode {
  const [line, choose] = useLine();
  const [kept, setKept] = useState(keptServers);
  const settings = useSettings();
  const value = useMemo<ServerContext>(() => {
    const keep = (servers: Server[]): void => {
      setKept(servers);
      keepServers(servers);
    };
    const add = (server: Server): void => keep([...kept.filter((one) => one.url !== server.url), server]);
    return {
      ...line,
      servers: together(settings?.servers ?? [], kept),
      choose(server) {
        if (server.url !== "") add(server); // With what it is, to be known before it is asked at the next start.
        choose(server);
      },
      add,
      remove(server) {
        keep(kept.filter((one) => one.url !== server.url));
        if (server.url === line.server.url) choose(THIS_SERVER);
      },
      settings,
    };
  }, [line, choose, kept, settings]);
  return <Context value={value}>{children}</Context>;
}

/** The server that is talked to, and what there is to talk with. */
export function useServer(): ServerContext {
  const context = useContext(Context);
  if (context === null) throw new Error("useServer needs a ServerProvider around it.");
  return context;
}

/** A part of the open conversation's state; drawn again when that part changes. */
export function useChat<T>(select: (state: SessionState) => T): T {
  return useStore(useServer().chat.store, select);
}

export function useConnection(): ConnectionState {
  return useStore(useServer().connection.store);
}
