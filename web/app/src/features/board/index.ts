export { BoardPage } from "./BoardPage.js";
