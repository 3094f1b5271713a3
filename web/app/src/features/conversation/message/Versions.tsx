import { useContext, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { useServer, useChat } from "../../../shared/server.js";
import { IconButton } from "../../../shared/ui/Button.js";
import { ChevronLeftIcon, ChevronRightIcon } from "../../../shared/ui/icons.js";
import { HoldContext } from "../transcript/holding.js";

/** So many frames the version chosen may take to be drawn. */
const FRAMES = 20;

const controlOf = (id: string, testId: string) => document.querySelector<HTMLElement>(`[data-testid="message"][data-id="${CSS.escape(id)}"] [data-testid="${testId}"]`);

/** Put the focus on the same control of the message now shown: with its row the one that was pressed has gone. */
function focusIn(id: string, testId: string, frames = FRAMES): void {
  requestAnimationFrame(() => {
    const control = controlOf(id, testId);
    if (control) control.focus({ preventScroll: true });
    else if (frames > 0) focusIn(id, testId, frames - 1);
  });
}

/** The walk between the versions of a message, where there are several. */
export function Versions({ id }: { id: string }): ReactNode {
  const { t, i18n } = useTranslation("conversation");
  const { chat } = useServer();
  const hold = useContext(HoldContext);
  // A text, so that nothing is drawn again while the versions stay the same.
  const known = useChat(() => {
    const { ids, at } = chat.versions(id);
    return ids.length < 2 ? "" : JSON.stringify([ids[at - 1] ?? null, at + 1, ids.length, ids[at + 1] ?? null]);
  });
  if (known === "") return null;
  const [previous, place, count, next] = JSON.parse(known) as [string | null, number, number, string | null];
  const number = new Intl.NumberFormat(i18n.language);
  const walk = (to: string, testId: string, pressed: HTMLElement): void => {
    hold(pressed, () => controlOf(to, testId));
    chat.show(to);
    focusIn(to, testId);
  };
  const step = (to: string | null, label: string, icon: ReactNode, testId: string): ReactNode => (
    <IconButton label={label} icon={icon} data-testid={testId} aria-disabled={to === null} onClick={({ currentTarget }) => to !== null && walk(to, testId, currentTarget)} />
  );
  return (
    <span className="versions" role="group" aria-label={t("version", { place, count })}>
      {step(previous, t("previousVersion"), <ChevronLeftIcon />, "version-previous")}
      <span data-testid="versions">{`${number.format(place)}/${number.format(count)}`}</span>
      {step(next, t("nextVersion"), <ChevronRightIcon />, "version-next")}
    </span>
  );
}
