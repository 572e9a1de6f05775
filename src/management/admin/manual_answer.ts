/** The manual's pages as the browser of somebody who is signed in gets them. */

import { readPage, TOPICS } from "../../manual/pages.ts";

/** What the pages load. */
const FILES: Readonly<Record<string, "MANUAL_STYLE" | "MANUAL_ICON">> = {
  "style.css": "MANUAL_STYLE",
  "icon.svg": "MANUAL_ICON",
};
const TYPES = { MANUAL_STYLE: "text/css; charset=utf-8", MANUAL_ICON: "image/svg+xml" } as const;

/** The answer for the name of a page or of a file that pages load; without a name the list. Undefined: there is none. */
export async function manualAnswer(name: string | undefined, path: string): Promise<Response | undefined> {
  const file = name !== undefined && Object.hasOwn(FILES, name) ? FILES[name] : undefined;
  if (file !== undefined) {
    const look = await import("../../manual/look.ts");
    return new Response(look[file], { headers: { "content-type": TYPES[file] } });
  }
  // Names are the program's own: nothing that a client writes is looked for on the disk.
  const topic = TOPICS.find((one) => one.name === name);
  if (name !== undefined && topic === undefined) return undefined;
  const { listOfPages, pageHtml } = await import("../../manual/page_html.ts");
  const markdown = topic === undefined ? listOfPages() : await readPage(topic);
  return new Response(pageHtml(markdown, { path, current: topic?.name }), {
    headers: { "content-type": "text/html; charset=utf-8" },
  });
}
