import type { Session, SessionCache, StoredMessage } from "@antiphon/client";
import { clear, createStore, get, promisifyRequest, type UseStore } from "idb-keyval";
import { BOUNDS, encode, evict, type Kept } from "./offline_bounds.js";

/*
 * What was read stays readable without a network: sessions in this browser's IndexedDB, by server.
 * It belongs to the browser, not to a user: the cookie that names a guest is hidden from scripts, so there is
 * nothing to tie it to. Who shares a browser profile can read it; `clearOffline` is what "forget" means.
 * It is a comfort and never a condition: where the browser refuses storage, nothing is kept and nothing fails.
 */
const INDEX = "index";
const SERVERS = "servers";

let opened: UseStore | undefined;

function database(): UseStore {
  opened ??= createStore("antiphon", "sessions");
  return opened;
}

async function orElse<T>(fallback: T, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch {
    return fallback;
  }
}

const keyOf = (base: string, id: string) => `session ${base} ${id}`;
const listKey = (base: string) => `list ${base}`;

async function read<T>(records: IDBObjectStore, key: string, otherwise: T): Promise<T> {
  return ((await promisifyRequest(records.get(key))) as T | undefined) ?? otherwise;
}

/** Changes the index and the records in one transaction, so that several tabs never leave a record nobody knows of. */
function change(work: (index: Kept[], records: IDBObjectStore) => readonly Kept[]): Promise<void> {
  return database()("readwrite", async (records) => {
    const index = await read<Kept[]>(records, INDEX, []);
    records.put(work(index, records), INDEX);
    await promisifyRequest(records.transaction);
  });
}

function forget(key: string): Promise<void> {
  return change((index, records) => {
    records.delete(key);
    return index.filter((kept) => kept.key !== key);
  });
}

function keep(key: string, text: string, bytes: number): Promise<void> {
  return change((index, records) => {
    const { stay, go } = evict([{ key, bytes, at: Date.now() }, ...index.filter((kept) => kept.key !== key)]);
    records.put(text, key);
    for (const old of go) records.delete(old);
    return stay;
  });
}

/** The sessions of one server (its base URL, "" for this one) as they were read last. */
export function offlineSessions(base: string): SessionCache {
  return {
    load: (id) =>
      orElse(null, async () => {
        const text = await get<string>(keyOf(base, id), database());
        return text === undefined ? null : (JSON.parse(text) as { session: Session; messages: StoredMessage[] });
      }),
    save: (session, messages) =>
      orElse(undefined, () => {
        const encoded = encode(session, messages);
        const key = keyOf(base, session.id);
        return encoded ? keep(key, encoded.text, encoded.bytes) : forget(key);
      }),
    remove: (id) => orElse(undefined, () => forget(keyOf(base, id))),
  };
}

/** Keeps a server's list of sessions, newest first; at most `BOUNDS.listed` of them. */
export function saveList(base: string, sessions: readonly Session[]): Promise<void> {
  return orElse(undefined, () =>
    database()("readwrite", async (records) => {
      const servers = [base, ...(await read<string[]>(records, SERVERS, [])).filter((other) => other !== base)];
      for (const old of servers.splice(BOUNDS.servers)) records.delete(listKey(old));
      records.put(servers, SERVERS);
      records.put(sessions.slice(0, BOUNDS.listed), listKey(base));
      await promisifyRequest(records.transaction);
    }),
  );
}

/** The sessions of a server that can be read without a network, in the order of the list that was kept. */
export function loadList(base: string): Promise<Session[]> {
  return orElse([], () =>
    database()("readonly", async (records) => {
      const listed = await read<Session[]>(records, listKey(base), []);
      const kept = new Set((await read<Kept[]>(records, INDEX, [])).map(({ key }) => key));
      return listed.filter((session) => kept.has(keyOf(base, session.id)));
    }),
  );
}

/** Forgets all that was kept for reading without a network, of every server. */
export function clearOffline(): Promise<void> {
  return orElse(undefined, () => clear(database()));
}
