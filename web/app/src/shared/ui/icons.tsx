import type { ReactNode, SVGProps } from "react";

/** One stroke style for all: 20 by 20, 1.5 px, the colour of the text around. Decorative: controls have names. */
function drawn(shape: ReactNode, mirrored = false): (props: SVGProps<SVGSVGElement>) => ReactNode {
  return function Icon(props) {
    return (
      <svg width="20" height="20" viewBox="0 0 20 20" fill="none" stroke="currentColor" strokeWidth="1.5" strokeLinecap="round" strokeLinejoin="round" aria-hidden="true" focusable="false" data-mirrored={mirrored || undefined} {...props}>
        {shape}
      </svg>
    );
  };
}

/** The mark: a V with a slash, the versicle of a book for two choirs. */
export const MarkIcon = drawn(<path d="M1.5 4h5.5M13 4h5.5M4 4l6 13 6-13M6.5 19 14.5 1" />);
export const ArchiveIcon = drawn(<path d="M3 4h14v3H3zM4.2 7v9h11.6V7M8 10h4" />);
export const BoardIcon = drawn(<path d="M3 3.5h14v13H3zM6 7h8M6 10h8M6 13h5" />);
export const ChatIcon = drawn(<path d="M3 4h14v10H9l-4 3v-3H3z" />);
export const CheckIcon = drawn(<path d="m4 10.5 4 4 8-9" />);
export const ChevronDownIcon = drawn(<path d="m5 7.5 5 5 5-5" />);
export const ChevronLeftIcon = drawn(<path d="m12 5-5 5 5 5" />, true);
export const ChevronRightIcon = drawn(<path d="m8 5 5 5-5 5" />, true);
export const CloseIcon = drawn(<path d="m5 5 10 10M15 5 5 15" />);
export const CopyIcon = drawn(<path d="M7 7h9.5v9.5H7zM13 7V3.5H3.5V13H7" />);
export const DownIcon = drawn(<path d="M10 3.5v13m-5-5 5 5 5-5" />);
export const DownloadIcon = drawn(<path d="M10 3v9m-4-4 4 4 4-4M3.5 13v3.5h13V13" />);
export const FiguresIcon = drawn(<path d="M4 16.5V11m4 5.5v-9m4 9v-6m4 6v-13" />);
export const MenuIcon = drawn(<path d="M3 5.5h14M3 10h14M3 14.5h14" />);
export const MicrophoneIcon = drawn(<path d="M10 2.5a2.5 2.5 0 0 1 2.5 2.5v4.5a2.5 2.5 0 0 1-5 0V5A2.5 2.5 0 0 1 10 2.5zM4.5 9.5a5.5 5.5 0 0 0 11 0M10 15v2.5" />);
export const MoreIcon = drawn(<path strokeWidth="2.2" d="M4.5 10h.01M10 10h.01M15.5 10h.01" />);
export const PencilIcon = drawn(<path d="m3.5 16.5.8-3.6L13.6 3.6l2.8 2.8-9.3 9.3z" />);
export const PlusIcon = drawn(<path d="M10 4v12M4 10h12" />);
export const PrintIcon = drawn(<path d="M6 7.5v-4h8v4M6 14H3.5V7.5h13V14H14M6 11.5h8v5H6z" />);
export const RefreshIcon = drawn(<path d="M16 10a6 6 0 1 1-1.8-4.3L16.5 8M16.5 4v4h-4" />);
export const RestoreIcon = drawn(<path d="M3 4h14v3H3zM4.2 7v9h11.6V7M10 14V9.5m-2 2 2-2 2 2" />);
export const SearchIcon = drawn(<path d="M13 13l4 4M14.5 9a5.5 5.5 0 1 1-11 0 5.5 5.5 0 0 1 11 0z" />);
export const SendIcon = drawn(<path d="M10 16.5v-13m-5 5 5-5 5 5" />);
export const SettingsIcon = drawn(<path d="M3 6h7m4 0h3M3 14h3m4 0h7M14 6a2 2 0 1 1-4 0 2 2 0 0 1 4 0zM10 14a2 2 0 1 1-4 0 2 2 0 0 1 4 0z" />);
export const SidebarIcon = drawn(<path d="M3 4h14v12H3zM8 4v12" />, true);
export const SpeakIcon = drawn(<path d="M3.5 8v4h3l4 3.5v-11L6.5 8zM13.5 7.5a3.5 3.5 0 0 1 0 5M15.5 5a7 7 0 0 1 0 10" />, true);
export const StatusIcon = drawn(<path d="M2.5 10.5h3.5l2-6 4 11 2-5h3.5" />);
export const StopIcon = drawn(<path fill="currentColor" d="M6 6h8v8H6z" />);
export const ThumbDownIcon = drawn(<path d="M6 11.5v-8h8l2.5 5.5v2.5h-5l.8 4-1.5 1.5L6 11.5zm0 0H3.5v-8H6" />);
export const ThumbUpIcon = drawn(<path d="M6 8.5v8h8l2.5-5.5V8.5h-5l.8-4L10.8 3 6 8.5zm0 0H3.5v8H6" />);
export const TrashIcon = drawn(<path d="M3.5 5.5h13M8 5.5V3.5h4v2M5 5.5l.7 11h8.6l.7-11M8.5 8.5v5M11.5 8.5v5" />);
export const UploadIcon = drawn(<path d="M10 12V3M6 7l4-4 4 4M3.5 13v3.5h13V13" />);
