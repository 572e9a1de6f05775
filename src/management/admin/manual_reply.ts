/** Serves the manual to browsers with a session. */

import { readPage, TOPICS } from "../../manual/pages.ts";

/** The files that the pages load. */
const FILES: Readonly<Record<string, "MANUAL_STYLE" | "MANUAL_ICON">> = {
  "style.css": "MANUAL_STYLE",
  "icon.svg": "MANUAL_ICON",
};
const TYPES = { MANUAL_STYLE: "text/css; charset=utf-8", MANUAL_ICON: "image/svg+xml" } as const;

/**
 * Responds with the page or file of a name, and without a name with the list of pages. Returns undefined if
 * no page or file has the name. `path` is the path of the manual.
 */
export async function manualReply(name: string | undefined, path: string): Promise<Response | undefined> {
  const file = name !== undefined && Object.hasOwn(FILES, name) ? FILES[name] : undefined;
  if (file !== undefined) {
    const look = await import("../../manual/look.ts");
    return new Response(look[file], { headers: { "content-type": TYPES[file] } });
  }
  // Only known names are read, so that no client chooses a path on the disk.
  const topic = TOPICS.find((one) => one.name === name);
  if (name !== undefined && topic === undefined) return undefined;
  const { listOfPages, pageHtml } = await import("../../manual/page_html.ts");
  const markdown = topic === undefined ? listOfPages() : await readPage(topic);
  return new Response(pageHtml(markdown, { path, current: topic?.name }), {
    headers: { "content-type": "text/html; charset=utf-8" },
  });
}
