import { useEffect, useEffectEvent, useId, useLayoutEffect, useRef, type KeyboardEvent, type ReactNode } from "react";
import { IconButton } from "./Button.js";

export interface MenuItem {
  label: string;
  icon: ReactNode;
  onSelect: () => void;
  testId?: string;
  /** The shortcut that does the same, as shown. */
  keys?: string;
}

interface MenuProps {
  /** Name of the button and the menu. */
  label: string;
  icon: ReactNode;
  items: readonly MenuItem[];
  open: boolean;
  onOpenChange: (open: boolean) => void;
  testId?: string;
  tabIndex?: number;
}

const rows = (list: HTMLElement) => Array.from(list.querySelectorAll<HTMLElement>('[role="menuitem"]'));

/** Which row a key leads to; null: none. */
function rowFor(event: KeyboardEvent, all: HTMLElement[]): HTMLElement | null {
  const at = all.indexOf(document.activeElement as HTMLElement);
  switch (event.key) {
    case "ArrowDown":
      return all[(at + 1) % all.length] ?? null;
    case "ArrowUp":
      return all.at(at <= 0 ? -1 : at - 1) ?? null;
    case "Home":
      return all[0] ?? null;
    case "End":
      return all.at(-1) ?? null;
  }
  if (event.key.length !== 1 || event.ctrlKey || event.metaKey || event.altKey) return null;
  const letter = event.key.toLocaleLowerCase();
  return [...all.slice(at + 1), ...all].find((row) => row.textContent.trim().toLocaleLowerCase().startsWith(letter)) ?? null;
}

/** Puts the menu under its button, or above where there is no room, and within the window. */
function place(list: HTMLElement, button: HTMLElement): void {
  const [at, own] = [button.getBoundingClientRect(), list.getBoundingClientRect()];
  const under = at.bottom + 4 + own.height <= innerHeight;
  const rtl = getComputedStyle(button).direction === "rtl";
  const left = rtl ? at.left : at.right - own.width;
  list.style.top = `${Math.max(4, under ? at.bottom + 4 : at.top - own.height - 4)}px`;
  list.style.left = `${Math.min(Math.max(4, left), innerWidth - own.width - 4)}px`;
}

/** Closes the menu by what happens outside it: a press, a scroll of what it lies over, another size of the window. */
function useOutside(open: boolean, box: { current: HTMLElement | null }, close: () => void): void {
  const elsewhere = useEffectEvent(({ type, target }: Event) => {
    const [node, own] = [target instanceof Node ? target : document, box.current];
    // A transcript that follows its reply scrolls all the time, and moves no menu of the list.
    if (type === "scroll" ? node.contains(own) : !own?.contains(node)) close();
  });
  useEffect(() => {
    if (!open) return;
    const stop = new AbortController();
    for (const type of ["pointerdown", "scroll", "resize"]) {
      addEventListener(type, (event) => elsewhere(event), { capture: true, signal: stop.signal });
    }
    return () => stop.abort();
  }, [open]);
}

function Items({ id, label, items, button, close }: { id: string; label: string; items: readonly MenuItem[]; button: { current: HTMLElement | null }; close: (back: boolean) => void }): ReactNode {
  const list = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const node = list.current;
    if (node === null || button.current === null) return;
    node.showPopover(); // Above all else: the list it belongs to would cut it off.
    place(node, button.current);
    rows(node)[0]?.focus();
  }, [button]);
  const onKeyDown = (event: KeyboardEvent<HTMLDivElement>): void => {
    event.stopPropagation();
    const next = rowFor(event, rows(event.currentTarget));
    if (event.key === "Tab") close(false);
    else if (event.key === "Escape") close(true);
    else next?.focus();
    if (event.key === "Escape" || next !== null) event.preventDefault();
  };
  return (
    <div ref={list} id={id} role="menu" aria-label={label} popover="manual" className="menu" onKeyDown={onKeyDown}>
      {items.map((item) => (
        <button
          key={item.label}
          type="button"
          role="menuitem"
          tabIndex={-1}
          data-testid={item.testId}
          onClick={() => {
            close(true);
            item.onSelect();
          }}
        >
          {item.icon}
          <span>{item.label}</span>
          {item.keys !== undefined && <kbd aria-hidden="true">{item.keys}</kbd>}
        </button>
      ))}
    </div>
  );
}

/** A button that opens a menu: arrows, Home, End and first letters move, Escape leaves. */
export function Menu({ label, icon, items, open, onOpenChange, testId, tabIndex }: MenuProps): ReactNode {
  const box = useRef<HTMLSpanElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const id = useId();
  useOutside(open, box, () => onOpenChange(false));
  const close = (back: boolean): void => {
    onOpenChange(false);
    if (back) button.current?.focus();
  };
  return (
    <span ref={box} className="menu-box">
      <IconButton
        ref={button}
        label={label}
        icon={icon}
        aria-haspopup="menu"
        aria-expanded={open}
        aria-controls={open ? id : undefined}
        data-testid={testId}
        tabIndex={tabIndex}
        onClick={() => onOpenChange(!open)}
      />
      {open && <Items id={id} label={label} items={items} button={button} close={close} />}
    </span>
  );
}
