import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { useServer, useChat } from "../../../shared/server.js";
import { IconButton } from "../../../shared/ui/Button.js";
import { ChevronLeftIcon, ChevronRightIcon } from "../../../shared/ui/icons.js";

/** The walk between the versions of a message, where there are several. */
export function Versions({ id }: { id: string }): ReactNode {
  const { t, i18n } = useTranslation("conversation");
  const { chat } = useServer();
  // A text, so that nothing is drawn again while the versions stay the same.
  const known = useChat(() => {
    const { ids, at } = chat.versions(id);
    return ids.length < 2 ? "" : JSON.stringify([ids[at - 1] ?? null, at + 1, ids.length, ids[at + 1] ?? null]);
  });
  if (known === "") return null;
  const [previous, place, count, next] = JSON.parse(known) as [string | null, number, number, string | null];
  const number = new Intl.NumberFormat(i18n.language);
  const step = (to: string | null, label: string, icon: ReactNode, testId: string): ReactNode => (
    <IconButton label={label} icon={icon} data-testid={testId} aria-disabled={to === null} onClick={() => to !== null && chat.show(to)} />
  );
  return (
    <span className="versions" role="group" aria-label={t("version", { place, count })}>
      {step(previous, t("previousVersion"), <ChevronLeftIcon />, "version-previous")}
      <span data-testid="versions">{`${number.format(place)}/${number.format(count)}`}</span>
      {step(next, t("nextVersion"), <ChevronRightIcon />, "version-next")}
    </span>
  );
}
