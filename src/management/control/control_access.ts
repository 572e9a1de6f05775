/** The text of a run file: how commands reach a running proxy. */

import * as v from "valibot";

const accessSchema = v.object({
  url: v.string(),
  secret: v.string(),
  certificates: v.optional(v.string()),
});

/** How a command reaches a running proxy. */
export interface ControlAccess {
  /** The URL of the management API, without a path: `http://127.0.0.1:33000`. */
  readonly url: string;
  /** The secret of the run, in base64. */
  readonly secret: string;
  /** The certificates of the proxy in PEM form, for an `https:` URL. */
  readonly certificates?: string | undefined;
}

/** Writes how commands reach a proxy as the JSON of its run file. */
export function textOfAccess({ url, secret, certificates }: ControlAccess): string {
  return `${JSON.stringify({ url, secret, certificates })}\n`;
}

/** Reads the text of a run file. Returns `undefined` if a proxy of another version wrote it. */
export function parseAccess(text: string): ControlAccess | undefined {
  try {
    const { success, output } = v.safeParse(accessSchema, JSON.parse(text));
    return success ? output : undefined;
  } catch {
    return undefined;
  }
}
