import { ApiError } from "@antiphon/client";
import { useTranslation } from "react-i18next";

/** What to tell the reader: a sentence in the reader's language, and what the server said. */
export interface ErrorText {
  text: string;
  detail: string;
}

/** Texts for errors, by the server's code; a code that is not known is told as a failure, with the server's words. */
export function useErrorText(): (error: unknown) => ErrorText {
  const { t } = useTranslation("shell");
  return (error) => {
    const code = error instanceof ApiError ? error.code : "unexpected";
    const detail = error instanceof ApiError && error.status !== 0 ? error.message : "";
    return { text: t(`errors.${code}`, { defaultValue: t("errors.unexpected") }), detail };
  };
}
