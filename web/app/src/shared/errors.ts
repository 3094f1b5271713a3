import { ApiError } from "@antiphon/client";
import { useTranslation } from "react-i18next";

/** What to tell the reader: a sentence in the reader's language, and what the server said. */
export interface ErrorText {
  text: string;
  detail: string;
}

/** What stands before the server (nginx, a gateway) refuses without a code. */
const BY_STATUS: Readonly<Record<number, string>> = { 403: "forbidden", 404: "not_found", 413: "too_large", 429: "rate_limited", 503: "overloaded" };

/** The code by which an error is told. */
export function codeOf(error: unknown): string {
  return error instanceof ApiError ? error.code || (BY_STATUS[error.status] ?? "unexpected") : "unexpected";
}

/** Texts for errors, by the server's code; a code that is not known is told as a failure, with the server's words. */
export function useErrorText(): (error: unknown) => ErrorText {
  const { t } = useTranslation("shell");
  return (error) => {
    const detail = error instanceof ApiError && error.status !== 0 ? error.message : "";
    return { text: t(`errors.${codeOf(error)}`, { defaultValue: t("errors.unexpected") }), detail };
  };
}
