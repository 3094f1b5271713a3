import { useLayoutEffect, useRef, type KeyboardEvent, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { usePreferences } from "../../../shared/preferences.js";
import { Button } from "../../../shared/ui/Button.js";
import { fit } from "../composer/fit.js";
import { MOST_CHARACTERS } from "../composer/limits.js";
import { useConversation, useIntent } from "../context.js";
import { sends } from "../keys.js";

interface EditFormProps {
  before: string;
  onSend: (text: string) => void;
  onCancel: () => void;
}

/** A message being changed, in its place. */
export function EditForm({ before, onSend, onCancel }: EditFormProps): ReactNode {
  const { t } = useTranslation("conversation");
  const enterSends = usePreferences((preferences) => preferences.enterSends);
  const { intent } = useConversation();
  const text = useIntent((now) => now.edited) ?? before;
  const area = useRef<HTMLTextAreaElement>(null);
  useLayoutEffect(() => {
    const node = area.current;
    if (intent.getState().entered) return;
    intent.setState({ entered: true });
    node?.focus();
    node?.setSelectionRange(node.value.length, node.value.length);
  }, [intent]);
  useLayoutEffect(() => fit(area.current), [text]);
  const able = text.trim() !== "" && text.length <= MOST_CHARACTERS;
  const onKeyDown = (event: KeyboardEvent<HTMLTextAreaElement>): void => {
    if (event.key === "Escape" && !event.nativeEvent.isComposing) {
      event.stopPropagation();
      onCancel();
    } else if (sends(event, enterSends)) {
      event.preventDefault();
      if (able) onSend(text);
    }
  };
  return (
    <form
      className="edit box"
      onSubmit={(event) => {
        event.preventDefault();
        if (able) onSend(text);
      }}
    >
      <textarea ref={area} aria-label={t("editText")} data-testid="edit-text" rows={1} dir="auto" value={text} onChange={(event) => intent.setState({ edited: event.target.value })} onKeyDown={onKeyDown} />
      <div className="box-row">
        <span className="hint">{t("editHint")}</span>
        <Button onClick={onCancel}>{t("cancel")}</Button>
        <Button look="solid" type="submit" data-testid="edit-send" disabled={!able}>
          {t("send")}
        </Button>
      </div>
    </form>
  );
}
