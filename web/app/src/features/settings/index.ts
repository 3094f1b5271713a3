export { SettingsDialog, type SettingsProps } from "./SettingsDialog.js";
