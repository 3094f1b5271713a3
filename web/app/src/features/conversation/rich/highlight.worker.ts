// Off the main thread: 50 kB of code take up to 70 ms, in which the page could not answer its reader.
import { common, createLowlight } from "lowlight";
import { runsOf, type Run } from "./runs.js";

/** What the page asks for; the answer has the same `id`, and no runs if the language is not known. */
export interface Order {
  id: number;
  language: string;
  text: string;
}
export interface Answer {
  id: number;
  runs: Run[] | null;
}

const lowlight = createLowlight(common);

addEventListener("message", ({ data }: MessageEvent<Order>) => {
  const { id, language, text } = data;
  const runs = lowlight.registered(language) ? runsOf(lowlight.highlight(language, text)) : null;
  postMessage({ id, runs } satisfies Answer);
});
