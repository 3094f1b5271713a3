import { forwardRef, useEffect, useImperativeHandle, useRef, type ForwardedRef } from "react";
import { configure, mount, type AntiphonChat, type Events, type MountOptions } from "./index.js";

export interface AntiphonWidgetProps extends MountOptions {
  onOpen?: (() => void) | undefined;
  onMinimise?: (() => void) | undefined;
  onClose?: (() => void) | undefined;
  onSent?: ((message: Events["sent"]) => void) | undefined;
  onReply?: ((reply: Events["reply"]) => void) | undefined;
}

/** What a `ref` on the component gives. */
export type AntiphonWidgetHandle = Pick<AntiphonChat, "open" | "minimise" | "close" | "toggle" | "send" | "startNew">;

/**
 * A chat in the corner of the page for as long as the component is mounted. It draws nothing where it stands: the chat
 * is an element at the end of the body, so no parent's style reaches it.
 */
export const AntiphonWidget = forwardRef(function AntiphonWidget(props: AntiphonWidgetProps, ref: ForwardedRef<AntiphonWidgetHandle>) {
  const element = useRef<AntiphonChat | null>(null);
  const latest = useRef(props);

  useEffect(() => {
    latest.current = props;
    if (element.current !== null) configure(element.current, props);
  });
  useEffect(() => {
    const chat = mount(latest.current);
    element.current = chat;
    chat.on("open", () => latest.current.onOpen?.());
    chat.on("minimise", () => latest.current.onMinimise?.());
    chat.on("close", () => latest.current.onClose?.());
    chat.on("sent", (message) => latest.current.onSent?.(message));
    chat.on("reply", (reply) => latest.current.onReply?.(reply));
    return () => {
      element.current = null;
      chat.destroy();
    };
  }, []);
  useImperativeHandle(ref, () => ({
    open: () => element.current?.open(),
    minimise: () => element.current?.minimise(),
    close: () => element.current?.close(),
    toggle: () => element.current?.toggle(),
    send: (text) => element.current?.send(text) ?? false,
    startNew: () => element.current?.startNew(),
  }), []);
  return null;
});
