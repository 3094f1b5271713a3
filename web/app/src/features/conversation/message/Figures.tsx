import { useLayoutEffect, useRef, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { useChat } from "../../../shared/server.js";
import { figureRows } from "./figures.js";

/** How a reply came. */
export function Figures({ id, panel }: { id: string; panel: string }): ReactNode {
  const { t, i18n } = useTranslation("conversation");
  const figures = useChat((state) => state.messages.get(id)?.figures ?? null);
  const words = { yes: t("figures.yes"), no: t("figures.no"), times: (count: number) => t("figures.times", { count }) };
  const node = useRef<HTMLElement>(null);
  useLayoutEffect(() => {
    // In braces: newer browsers return a promise, which React would take for the way to clean up.
    node.current?.scrollIntoView({ block: "nearest" });
  }, []);
  const rows = figures === null ? [] : figureRows(figures, i18n.language, words);
  return (
    <section ref={node} id={panel} className="figures" aria-label={t("figures.title")} data-testid="figures-panel">
      {rows.length === 0 ? (
        <p>{t("figures.none")}</p>
      ) : (
        <dl>
          {rows.map(([name, value]) => (
            <div key={name}>
              <dt>{t(`figures.${name}`)}</dt>
              <dd>
                <bdi>{value}</bdi>
              </dd>
            </div>
          ))}
        </dl>
      )}
    </section>
  );
}
