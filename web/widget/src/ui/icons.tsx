import type { JSX } from "preact";

const draw = (path: string) => (): JSX.Element => (
  <svg class="icon" viewBox="0 0 20 20" fill="none" stroke="currentColor" stroke-width="1.5" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">
    <path d={path} />
  </svg>
);

export const ChatIcon = draw("M10 3.2c4.2 0 7.3 2.7 7.3 6.3s-3.1 6.3-7.3 6.3c-.8 0-1.6-.1-2.3-.3l-3.6 1.6.7-3.2c-1.3-1.1-2.1-2.7-2.1-4.4 0-3.6 3.1-6.3 7.3-6.3ZM7 9.5h.01M10 9.5h.01M13 9.5h.01");
export const CloseIcon = draw("m5.5 5.5 9 9m0-9-9 9");
export const MinimiseIcon = draw("m5 8 5 5 5-5");
export const RestoreIcon = draw("m5 12 5-5 5 5");
export const NewIcon = draw("M16.5 11v4a1.8 1.8 0 0 1-1.8 1.8H5A1.8 1.8 0 0 1 3.2 15V5.3A1.8 1.8 0 0 1 5 3.5h4M15.2 3.3a1.5 1.5 0 0 1 2.1 2.1L11 11.7l-2.8.7.7-2.8z");
export const SendIcon = draw("M10 16V4.5M5 9.2l5-5 5 5");
export const StopIcon = draw("M6.2 6.2h7.6v7.6H6.2z");
export const DownIcon = draw("M10 4v11.5M5 10.8l5 5 5-5");
