import { useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { useChat } from "../../../shared/server.js";
import { Button } from "../../../shared/ui/Button.js";
import { DownIcon } from "../../../shared/ui/icons.js";

/** The way back to the end, for who has left it; tells how many messages have come since. Mounted when they leave. */
export function ToLatest({ onClick }: { onClick: () => void }): ReactNode {
  const { t } = useTranslation("conversation");
  const path = useChat((state) => state.path);
  const [left] = useState(path.at(-1));
  const at = left === undefined ? -1 : path.lastIndexOf(left);
  const count = at < 0 ? 0 : path.length - 1 - at;
  return (
    <Button className="to-latest" data-testid="to-latest" onClick={onClick}>
      <DownIcon />
      {count > 0 ? t("newMessages", { count }) : t("toLatest")}
    </Button>
  );
}
