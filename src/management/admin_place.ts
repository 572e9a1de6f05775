import type { Entry } from "../http/message.ts";
import type { AdminPlace } from "../own_routes/page_html.ts";

/** The address of the admin page, as a client at a port of some kind sees it. */
export function adminPlaceAt(
  entry: Entry,
  { isAllowed, adminPort }: { readonly isAllowed: boolean; readonly adminPort: number | undefined },
): AdminPlace {
  if (!isAllowed) return { kind: "closed" };
  switch (entry) {
    case "all":
      return { kind: "here" };
    case "admin":
      return { kind: "own_port" };
    case "clients":
      return { kind: "other_port", port: adminPort };
    default:
      return entry satisfies never;
  }
}
