import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { MOST_CHARACTERS, TELL_FROM } from "./limits.js";

interface NoticeProps {
  /** Characters written. */
  length: number;
  /** Whether the reader tried to send while a reply was coming. */
  late: boolean;
  enterSends: boolean;
}

/** The one line beside the composer's controls: what stands in the way of sending, else how one sends. */
export function Notice({ length, late, enterSends }: NoticeProps): ReactNode {
  const { t, i18n } = useTranslation("conversation");
  const left = MOST_CHARACTERS - length;
  const number = (value: number) => new Intl.NumberFormat(i18n.language).format(value);
  if (left < 0) return <span className="hint grave" role="alert">{t("tooLong", { count: -left, number: number(-left) })}</span>;
  if (late) return <span className="hint grave">{t("stillComing")}</span>;
  if (length >= TELL_FROM) return <span className="hint grave">{t("left", { count: left, number: number(left) })}</span>;
  return <span className="hint usual">{enterSends ? t("hintEnter") : t("hintControl")}</span>;
}
