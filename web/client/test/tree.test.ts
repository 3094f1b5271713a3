// @vitest-environment node
import { describe, expect, test } from "vitest";
import { localPrompt, localReply } from "../src/messages/message.js";
import { MessageTree } from "../src/messages/tree.js";
import type { ChatMessage } from "../src/session_state.js";

function message(id: string, parentId: string | null): ChatMessage {
  return id.startsWith("r") ? localReply(id, "bot", parentId ?? "", 0) : localPrompt(id, id, parentId, 0);
}

function treeOf(...links: [string, string | null][]): MessageTree {
  const tree = new MessageTree();
  links.forEach(([id, parent], order) => tree.put(message(id, parent), order));
  return tree;
}

describe("a tree of messages", () => {
  test("shows a branch down to its newest end, and tells the versions", () => {
    const tree = treeOf(["p1", null], ["r1", "p1"], ["p2", "r1"], ["r2", "p2"], ["p3", "r1"], ["r3", "p3"], ["r4", "p3"]);
    tree.show("p1");
    expect(tree.path).toEqual(["p1", "r1", "p3", "r4"]);
    expect([tree.versions("p3"), tree.versions("r3")]).toEqual([{ ids: ["p2", "p3"], at: 1 }, { ids: ["r3", "r4"], at: 0 }]);
    tree.show("p2");
    expect(tree.path).toEqual(["p1", "r1", "p2", "r2"]);
    expect([tree.newest(), tree.end?.id, tree.versions("nothing")]).toEqual(["r4", "r2", { ids: [], at: -1 }]);
  });

  test("older messages that come late join on, in their order", () => {
    const tree = treeOf();
    tree.put(message("r2", "p2"), 5);
    tree.put(message("p2", "r1"), 4);
    tree.endAt("r2");
    expect(tree.path).toEqual(["p2", "r2"]);
    tree.put(message("r1", "p1"), 3);
    tree.put(message("p0", "r1"), 2);
    tree.put(message("p1", null), 1);
    expect(tree.path).toEqual(["p1", "r1", "p2", "r2"]);
    expect(tree.versions("p2")).toEqual({ ids: ["p0", "p2"], at: 1 });
  });

  test("the path stays the same array while the branch is the same", () => {
    const tree = treeOf(["p1", null], ["r1", "p1"]);
    tree.show("p1");
    const { path, messages } = tree;
    tree.put({ ...message("r1", "p1"), content: "more" });
    tree.put(message("p9", "elsewhere"), 9);
    expect(tree.path).toBe(path);
    expect(messages.get("r1")?.content).toBe("");
    expect(tree.messages.get("r1")?.content).toBe("more");
  });

  test("a branch whose last message is taken away ends with the one before", () => {
    const tree = treeOf(["p1", null], ["r1", "p1"], ["p2", "r1"], ["r2", "p2"]);
    tree.show("r2");
    tree.remove("r2");
    expect(tree.path).toEqual(["p1", "r1", "p2"]);
    tree.rename("p2", "p9", 2);
    tree.remove("p9");
    expect(tree.path).toEqual(["p1", "r1"]);
  });

  test("a message that gets its id keeps its key, its place and what follows it", () => {
    const tree = treeOf(["p1", null], ["r1", "p1"]);
    tree.put(message("local-p", "r1"));
    tree.put(message("rlocal", "local-p"));
    tree.show("rlocal");
    tree.rename("local-p", "p2", 4);
    tree.rename("rlocal", "r2", 5);
    expect(tree.path).toEqual(["p1", "r1", "p2", "r2"]);
    expect([tree.get("p2")?.key, tree.get("local-p")?.id, tree.orderOf("r2")]).toEqual(["local-p", "p2", 5]);
  });

  test("one that is here already under its own id becomes one with it", () => {
    const tree = treeOf(["p1", null]);
    tree.put(message("rlocal", "p1"));
    tree.show("rlocal");
    tree.put({ ...message("r1", "p1"), content: "stored" }, 3);
    tree.rename("rlocal", "r1", 3);
    expect([tree.path, tree.size, tree.get("r1")?.content, tree.get("r1")?.key]).toEqual([["p1", "r1"], 2, "stored", "rlocal"]);
    expect(tree.versions("r1").ids).toEqual(["r1"]);
  });

  test("parents that go round in a circle end", () => {
    const tree = treeOf(["p1", "r1"], ["r1", "p1"]);
    tree.endAt("r1");
    expect(tree.path.length).toBeLessThanOrEqual(2);
  });
});

/** Numbers that look random and are the same in each run. */
function* numbers(seed: number): Generator<number> {
  for (let state = seed; ; ) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    yield state / 2 ** 32;
  }
}

test.each(Array.from({ length: 40 }, (_, seed) => seed))("whatever is done to it, it is a tree (seed %i)", (seed) => {
  const random = numbers(seed);
  const pick = (most: number): number => Math.floor((random.next().value as number) * most);
  const tree = new MessageTree();
  const plain: Plain = new Map();
  let count = 0;
  const any = (): string | null => [...plain.keys()][pick(plain.size)] ?? null;
  const put = (id: string, parent: string | null, order: number): void => {
    tree.put(message(id, parent), order);
    plain.set(id, { parent, order });
  };
  const rename = (from: string): void => {
    const [to, order] = [`p-named-${from}`, plain.get(from)?.order ?? 0];
    tree.rename(from, to, order);
    plain.set(to, { parent: plain.get(from)?.parent ?? null, order });
    plain.delete(from);
    for (const [id, one] of plain) if (one.parent === from) plain.set(id, { ...one, parent: to });
  };
  const remove = (leaf: string): void => {
    if ([...plain.values()].some((one) => one.parent === leaf)) return;
    tree.remove(leaf);
    plain.delete(leaf);
  };
  for (let step = 0; step < 150; step++) {
    const [what, id] = [pick(10), any()];
    if (what < 6 || id === null) put(`p${count++}`, pick(8) ? id : null, pick(1000));
    else if (what === 6 && !id.includes("named")) rename(id);
    else if (what === 7) remove(id);
    else tree.show(id);
    if (step % 10 === 9) expectSame(tree, plain);
  }
});

type Plain = Map<string, { parent: string | null; order: number }>;

function expectSame(tree: MessageTree, plain: Plain): void {
  const { path } = tree;
  const wrong = path.filter((id, at) => plain.get(id)?.parent !== (path[at - 1] ?? null));
  const misplaced = [...plain.keys()].filter((id) => {
    const { ids, at } = tree.versions(id);
    return ids[at] !== id || ids.some((other, place) => orderOf(plain, ids[place - 1]) > orderOf(plain, other));
  });
  expect({ wrong, misplaced }).toEqual({ wrong: [], misplaced: [] });
  expect([...tree.messages.keys()].sort()).toEqual([...plain.keys()].sort());
  expect(byParent([...plain.keys()].map((id) => tree.versions(id).ids))).toEqual(byParent(siblings(plain)));
}

const orderOf = (plain: Plain, id: string | undefined): number => plain.get(id ?? "")?.order ?? -1;
const byParent = (groups: (readonly string[])[]): string[] => [...new Set(groups.map((ids) => ids.toSorted().join()))].sort();

function siblings(plain: Plain): string[][] {
  const groups = new Map<string | null, string[]>();
  for (const [id, { parent }] of plain) groups.set(parent, [...(groups.get(parent) ?? []), id]);
  return [...groups.values()];
}
