import type { Session, SessionCache, StoredMessage } from "@antiphon/client";
import { clear, createStore, get, promisifyRequest, type UseStore } from "idb-keyval";
import { encode, evict, type Kept } from "./offline_bounds.js";

/*
 * What was read stays readable without a network: sessions in this browser's IndexedDB, by server.
 * It belongs to the browser, not to a user: the cookie that names a guest is hidden from scripts, so there is
 * nothing to tie it to. Who shares a browser profile can read it; `clearOffline` is what "forget" means.
 * It is a comfort and never a condition: where the browser refuses storage, nothing is kept and nothing fails.
 */
const INDEX = "index";

/** A kept session in the index, with what a list shows of it. */
interface Listed extends Kept {
  readonly base: string;
  readonly session: Session;
}

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
/** A session's context can be as large as its messages; lists show none of it. */
const forList = (session: Session): Session => ({ ...session, context: {} });

/** Changes the index and the records in one transaction, so that several tabs never leave a record nobody knows of. */
function change(work: (index: readonly Listed[], records: IDBObjectStore) => readonly Listed[]): Promise<void> {
  return database()("readwrite", async (records) => {
    const index = (await promisifyRequest(records.get(INDEX))) as Listed[] | undefined;
    records.put(work(index ?? [], records), INDEX);
    await promisifyRequest(records.transaction);
  });
}

function forget(key: string): Promise<void> {
  return change((index, records) => {
    records.delete(key);
    return index.filter((kept) => kept.key !== key);
  });
}

function keep(entry: Listed, text: string): Promise<void> {
  return change((index, records) => {
    const { stay, go } = evict([entry, ...index.filter((kept) => kept.key !== entry.key)]);
    records.put(text, entry.key);
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
        return encoded ? keep({ key, base, session: forList(session), bytes: encoded.bytes, at: Date.now() }, encoded.text) : forget(key);
      }),
    remove: (id) => orElse(undefined, () => forget(keyOf(base, id))),
  };
}

/** Takes titles and times of the sessions that are kept from a list as the server told it. */
export function saveList(base: string, sessions: readonly Session[]): Promise<void> {
  const told = new Map(sessions.map((session) => [keyOf(base, session.id), forList(session)]));
  return orElse(undefined, () => change((index) => index.map((kept) => ({ ...kept, session: told.get(kept.key) ?? kept.session }))));
}

/** The sessions of a server that can be read without a network, the last used first; none that is archived. */
export function loadList(base: string): Promise<Session[]> {
  return orElse([], async () => {
    const index = (await get<Listed[]>(INDEX, database())) ?? [];
    const sessions = index.filter((kept) => kept.base === base && !kept.session.archived).map(({ session }) => session);
    return sessions.sort((one, other) => other.updated_at.localeCompare(one.updated_at));
  });
}

/** Forgets all that was kept for reading without a network, of every server. */
export function clearOffline(): Promise<void> {
  return orElse(undefined, () => clear(database()));
}
