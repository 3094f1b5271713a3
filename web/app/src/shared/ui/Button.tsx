import type { ComponentProps, ReactNode } from "react";
import { withKeys, type Global } from "../shortcuts.js";

export interface ButtonProps extends ComponentProps<"button"> {
  /** `solid`: the one thing to do here. `framed`: what can also be done. `quiet`: beside the text. */
  look?: "solid" | "framed" | "quiet";
}

export function Button({ look = "framed", className = "", type = "button", ...rest }: ButtonProps): ReactNode {
  return <button {...rest} type={type} className={`button ${look} ${className}`} />;
}

export interface IconButtonProps extends Omit<ButtonProps, "children"> {
  /** Its name, which is also its tooltip. */
  label: string;
  icon: ReactNode;
  /** The shortcut that does the same, which the tooltip tells too. */
  shortcut?: Global;
}

export function IconButton({ label, icon, shortcut, look = "quiet", className = "", ...rest }: IconButtonProps): ReactNode {
  return (
    <Button {...rest} look={look} className={`icon-button ${className}`} aria-label={label} {...(shortcut === undefined ? { title: label } : withKeys(label, shortcut))}>
      {icon}
    </Button>
  );
}
