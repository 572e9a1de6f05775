/** The providers' errors for objects that do not exist. Clients get them for the objects of others. */

import type { Dialect } from "../apis/dialects.ts";

/** What a provider responds with if an object does not exist. */
export interface MissingAnswer {
  readonly status: 400 | 403 | 404;
  readonly body: unknown;
}

/** Where a request names an object. A batch file that the client uploads is a `file`. */
export type ReferencePlace = "address" | "body" | "file";

/** An id that a request names, with its place in the request. */
export interface NamedObject {
  /** The id as the client wrote it. */
  readonly id: string;
  /** The id with its folder, as the proxy keeps it. */
  readonly reference: string;
  readonly place: ReferencePlace;
}

/** What OpenAI and compatible servers say, by the prefix of the id. */
const OPENAI: ReadonlyMap<string, (id: string) => string> = new Map([
  ["asst", (id) => `No assistant found with id '${id}'.`],
  ["batch", (id) => `No batch found with id '${id}'.`],
  ["cntr", (id) => `Container with id '${id}' not found.`],
  ["conv", (id) => `Conversation with id '${id}' not found.`],
  ["file", (id) => `No such File object: ${id}`],
  ["ftjob", (id) => `Could not find fine tune: ${id}`],
  ["resp", (id) => `Response with id '${id}' not found.`],
  ["run", (id) => `No run found with id '${id}'.`],
  ["thread", (id) => `No thread found with id '${id}'.`],
  ["vs", (id) => `Vector store with id '${id}' not found.`],
]);

/** The error of a provider for an object that does not exist. */
export function missingAnswer(dialect: Dialect, named: NamedObject): MissingAnswer {
  const { id, reference, place } = named;
  switch (dialect) {
    case "anthropic": {
      const what = reference.startsWith("file")
        ? "File"
        : reference.startsWith("msgbatch")
        ? "Batch"
        : "Object";
      return {
        status: 404,
        body: {
          type: "error",
          error: { type: "not_found_error", message: withPlace(`${what} not found: ${id}`, named) },
        },
      };
    }
    case "gemini":
      return missingAtGoogle(named);
    case "openai":
    case "generic": {
      const prefix = reference.slice(0, reference.search(/[-_]/));
      if (prefix === "resp" && place !== "address") {
        const message = withPlace(`Previous response with id '${id}' not found.`, named);
        const code = "previous_response_not_found";
        return { status: 400, body: openaiError({ message, param: "previous_response_id", code }) };
      }
      const missing = OPENAI.get(prefix)?.(id) ?? `No object found with id '${id}'.`;
      const message = withPlace(missing, named);
      return {
        status: 404,
        body: openaiError({ message, param: prefix === "file" ? "id" : null, code: null }),
      };
    }
    default:
      return dialect satisfies never;
  }
}

/**
 * The message, with the place of the id if it is in an uploaded file. No provider has such an error for an
 * upload, so that the message alone would not say what is missing.
 */
function withPlace(message: string, { id, place }: NamedObject): string {
  if (place !== "file") return message;
  return `${message}${message.endsWith(".") ? "" : "."} The uploaded file names ${id}.`;
}

function openaiError(
  { message, param, code }: { message: string; param: string | null; code: string | null },
) {
  return { error: { message, type: "invalid_request_error", param, code } };
}

/** Google says of a missing file that the client may not read it. */
function missingAtGoogle(named: NamedObject): MissingAnswer {
  const { id, reference } = named;
  const error = (code: 403 | 404, message: string, status: string) =>
    ({ status: code, body: { error: { code, message: withPlace(message, named), status } } }) as const;
  if (reference.startsWith("files/")) {
    const message = `You do not have permission to access the File ${id} or it may not exist.`;
    return error(403, message, "PERMISSION_DENIED");
  }
  if (reference.startsWith("cachedcontents/")) {
    return error(403, "CachedContent not found (or permission denied)", "PERMISSION_DENIED");
  }
  return error(404, "Requested entity was not found.", "NOT_FOUND");
}
