import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./app/App.js";
import { followOtherTabs } from "./shared/preferences.js";
import { startTexts } from "./shared/i18n.js";
import { startTheme } from "./shared/theme.js";
import "./styles/index.css";

startTheme();
followOtherTabs();
await startTexts();
const root = document.getElementById("root");
if (root === null) throw new Error("index.html has no #root.");
createRoot(root).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
