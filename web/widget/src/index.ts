/** A chat on any web page, answered by an Antiphon server. */
import { define } from "./element.js";

export { AntiphonChat } from "./element.js";
export type { Events, View } from "./events.js";
export { configure, mount, type MountOptions } from "./mount.js";

define();
