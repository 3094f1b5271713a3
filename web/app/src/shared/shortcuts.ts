const isApple = /Mac|iPhone|iPad/.test(navigator.platform);

/** The key that makes a command of a letter, as it is written on the keyboard. */
export const CONTROL = isApple ? "⌘" : "Ctrl";
const ALT = isApple ? "⌥" : "Alt";

/** What can be done by keys, in the order in which it is listed, and the keys. */
export const SHORTCUTS = {
  search: [CONTROL, "K"],
  new: [CONTROL, "Shift", "O"],
  sidebar: [CONTROL, "Shift", "S"],
  previous: [ALT, "↑"],
  next: [ALT, "↓"],
  composer: ["/"],
  stop: ["Esc"],
  rename: ["F2"],
  delete: ["Del"],
  menu: ["Shift", "F10"],
  undo: [CONTROL, "Z"],
  help: ["?"],
} as const satisfies Record<string, readonly string[]>;

/** One that works wherever the focus is, whatever is switched off: worth a tooltip. */
export type Global = "search" | "new" | "sidebar";

/** The keys as they are told in a tooltip. */
export const keysOf = (shortcut: keyof typeof SHORTCUTS): string => SHORTCUTS[shortcut].join("+");

/** The attributes of a control that a shortcut works too: its tooltip, and what a screen reader tells. */
export function withKeys(label: string, shortcut: Global): { title: string; "aria-keyshortcuts": string } {
  const [, ...keys] = SHORTCUTS[shortcut];
  return { title: `${label} (${keysOf(shortcut)})`, "aria-keyshortcuts": [isApple ? "Meta" : "Control", ...keys].join("+") };
}
