export { StatusPage } from "./StatusPage.js";
