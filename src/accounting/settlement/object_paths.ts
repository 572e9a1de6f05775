/**
 * Recognises requests that create or read objects of a provider, by their paths. An object, such as a
 * background response or a batch, continues after its request.
 */

import { recognisedPath } from "../../apis/operation_of.ts";
import { factsOf, type ObjectKind } from "../../apis/operations.ts";

/** The action of a request on an object. */
export interface ObjectRequest {
  readonly kind: ObjectKind;
  /**
   * `create` creates an object, `read` reads or changes its state, `delete` deletes it, `list` lists objects,
   * and `results` and `file` fetch the results of a batch.
   */
  readonly action: "create" | "read" | "delete" | "list" | "results" | "file";
  /**
   * The id of the object, or of the file that may contain its results. `undefined` if only the response has
   * the id.
   */
  readonly id: string | undefined;
}

/** Path segments at the position of an id that are not ids. */
const NO_IDS: ReadonlySet<string> = new Set(["compact", "input_tokens"]);
/** The longest id of an object, in characters. */
export const MAX_OBJECT_ID = 512;

/**
 * Returns the action of a request on an object. `undefined` if the request concerns no object. `path` is the
 * path after the name of the endpoint.
 */
export function objectRequestOf(
  { method, path }: { method: string; path: string },
): ObjectRequest | undefined {
  // An upstream may decode the path of an object, so the decoded path is compared here. The check whether a
  // path costs money does not decode it.
  const { operation, id: written } = recognisedPath(plainPath(path));
  const { creates, reads, fetches } = factsOf(operation);
  if (method === "POST" && creates !== undefined) return { kind: creates, action: "create", id: undefined };
  if (method === "GET" && fetches === "list") return { kind: "batch", action: "list", id: undefined };
  const id = idOf(written);
  if (id === undefined) return undefined;
  if (method === "GET" && fetches !== undefined) return { kind: "batch", action: fetches, id };
  return reads && { kind: reads, action: method === "DELETE" ? "delete" : "read", id };
}

/** Returns the path as servers read it: with decoded letters, single slashes, and no slash at the end. */
function plainPath(path: string): string {
  const decodedLetters = path.includes("%")
    ? path.replaceAll(/%([2-7][0-9a-f])/gi, (encoded, digits: string) => {
      const character = String.fromCharCode(parseInt(digits, 16));
      return /[\w.~-]/.test(character) ? character : encoded;
    })
    : path;
  const single = decodedLetters.includes("//") ? decodedLetters.replaceAll(/\/+/g, "/") : decodedLetters;
  return single.endsWith("/") ? single.slice(0, -1) : single;
}

/**
 * Returns the id of an object. `undefined` if the segment at the position of the id is not an id, or is too
 * long.
 */
function idOf(written: string | undefined): string | undefined {
  const id = decoded(written);
  return id === undefined || id.length > MAX_OBJECT_ID || NO_IDS.has(id.toLowerCase()) ? undefined : id;
}

/** Decodes an id, which may contain percent-encoded characters. */
function decoded(text: string | undefined): string | undefined {
  if (text === undefined || !text.includes("%")) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
