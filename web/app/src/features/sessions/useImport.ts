import { useRef, useState, type DragEvent } from "react";
import { useTranslation } from "react-i18next";
import { useLocation } from "wouter";
import { useErrorText } from "../../shared/errors.js";
import { toast } from "../../shared/ui/toasts.js";
import { useSessions } from "./SessionsProvider.js";

interface DropTarget {
  onDragEnter: (event: DragEvent) => void;
  onDragOver: (event: DragEvent) => void;
  onDragLeave: (event: DragEvent) => void;
  onDrop: (event: DragEvent) => void;
}

interface Import {
  take: (files: FileList | null) => Promise<void>;
  /** Whether files are held over the target. */
  dropping: boolean;
  drop: DropTarget;
}

const hasFiles = (event: DragEvent) => event.dataTransfer.types.includes("Files");

function useTake(): Import["take"] {
  const { t } = useTranslation("shell");
  const errorText = useErrorText();
  const { list } = useSessions();
  const [, navigate] = useLocation();
  const one = async (file: File): Promise<void> => {
    try {
      const session = await list.api.importSession(JSON.parse(await file.text()));
      list.put(session);
      navigate(`/c/${encodeURIComponent(session.id)}`);
      toast(t("sessions.imported", { name: file.name }));
    } catch (error) {
      const { text, detail } = error instanceof SyntaxError ? { text: t("sessions.notJson"), detail: "" } : errorText(error);
      toast(t("sessions.notImported", { name: file.name }), { error: true, detail: `${text} ${detail}` });
    }
  };
  return async (files) => {
    for (const file of files ?? []) await one(file);
  };
}

/** Conversations from files, chosen or dropped. */
export function useImport(): Import {
  const take = useTake();
  const [dropping, setDropping] = useState(false);
  // Entering a child comes before leaving the parent: only as many leaves as enters mean that the files are gone.
  const depth = useRef(0);
  const move = (by: number) => (event: DragEvent) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    depth.current += by;
    setDropping(depth.current > 0);
  };
  const drop: DropTarget = {
    onDragEnter: move(1),
    onDragLeave: move(-1),
    onDragOver(event) {
      if (hasFiles(event)) event.preventDefault();
    },
    onDrop(event) {
      if (!hasFiles(event)) return;
      event.preventDefault();
      depth.current = 0;
      setDropping(false);
      void take(event.dataTransfer.files);
    },
  };
  return { take, dropping, drop };
}
