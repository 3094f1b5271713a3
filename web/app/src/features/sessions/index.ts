export { ArchivedStrip } from "./ArchivedStrip.js";
export { neighbour } from "./neighbours.js";
export { SessionMenu } from "./SessionMenu.js";
export { SEARCH_ID, SessionsPanel } from "./SessionsPanel.js";
export { SessionsProvider, useSessions, useShown } from "./SessionsProvider.js";
