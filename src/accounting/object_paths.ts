/**
 * Recognises requests that create or read objects of a provider, by their paths. An object, such as a
 * background response or a batch, continues after its request.
 */

/** The kinds of objects that continue after their request. */
export const OBJECT_KINDS = ["response", "interaction", "run", "batch"] as const;
/** A kind of object, of {@link OBJECT_KINDS}. */
export type ObjectKind = typeof OBJECT_KINDS[number];

/** What a request does with an object. */
export interface ObjectRequest {
  readonly kind: ObjectKind;
  /**
   * `create` creates an object, `read` reads or changes its state, `delete` deletes it, `list` lists objects,
   * and `results` and `file` fetch the results of a batch.
   */
  readonly action: "create" | "read" | "delete" | "list" | "results" | "file";
  /**
   * The id of the object, or of the file that may contain its results. Undefined: only the response has the
   * id.
   */
  readonly id: string | undefined;
}

/** A cheap test, since most paths concern no object. */
const MAYBE = /\/(?:responses|interactions|runs|batches|jobs|files)(?:\/|$)|:(?:asyncB|b)atch/i;
/** The paths that create objects, by the API references of OpenAI, Anthropic, Gemini, Mistral and Groq. */
const CREATING: readonly (readonly [RegExp, ObjectKind])[] = [
  [/\/responses$/i, "response"],
  [/\/interactions$/i, "interaction"],
  [/\/threads\/(?:[^/]+\/)?runs$/i, "run"],
  [/\/batches$|\/batch\/jobs$/i, "batch"],
  [/:(?:batchGenerateContent|asyncBatchEmbedContent)$/i, "batch"],
];
/** The paths that read, change or cancel an object. */
const READING: readonly (readonly [RegExp, ObjectKind])[] = [
  [/\/responses\/([^/]+)(?:\/cancel)?$/i, "response"],
  [/\/interactions\/([^/]+)(?:\/cancel)?$/i, "interaction"],
  [/\/threads\/[^/]+\/runs\/([^/]+)(?:\/(?:cancel|submit_tool_outputs))?$/i, "run"],
  [/\/(?:batches|batch\/jobs)\/([^/:]+)(?:[/:]cancel)?$/i, "batch"],
];
/** The paths that fetch the results of a batch: by the batch, or as a file. */
const RESULTS = [/\/batches\/([^/]+)\/results$/i];
const FILES = [/\/files\/([^/]+)\/content$/i, /\/files\/([^/:]+):download$/i];
const LISTS = /\/batches$|\/batch\/jobs$/i;
/** Path segments in the place of an id that are not ids. */
const NO_IDS: ReadonlySet<string> = new Set(["compact", "input_tokens"]);
/** The longest id of an object, in characters. */
export const MAX_OBJECT_ID = 512;

/**
 * What a request does with an object. Undefined: it concerns none. `path` is the path after the endpoint's
 * name.
 */
export function objectRequestOf(
  { method, path }: { method: string; path: string },
): ObjectRequest | undefined {
  const plain = plainPath(path);
  if (!MAYBE.test(plain)) return undefined;
  if (method === "POST") {
    const created = CREATING.find(([pattern]) => pattern.test(plain));
    if (created !== undefined) return { kind: created[1], action: "create", id: undefined };
  }
  if (method === "GET") {
    const id = idIn(plain, RESULTS);
    if (id !== undefined) return { kind: "batch", action: "results", id };
    const file = idIn(plain, FILES);
    if (file !== undefined) return { kind: "batch", action: "file", id: file };
    if (LISTS.test(plain)) return { kind: "batch", action: "list", id: undefined };
  }
  for (const [pattern, kind] of READING) {
    const id = idIn(plain, [pattern]);
    if (id !== undefined) return { kind, action: method === "DELETE" ? "delete" : "read", id };
  }
  return undefined;
}

/** The path as servers read it: decodes letters, merges repeated slashes and removes a slash at the end. */
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

function idIn(path: string, patterns: readonly RegExp[]): string | undefined {
  for (const pattern of patterns) {
    const id = decoded(pattern.exec(path)?.[1]);
    if (id !== undefined && id.length <= MAX_OBJECT_ID && !NO_IDS.has(id.toLowerCase())) return id;
  }
  return undefined;
}

/** Decodes an id, which may contain encoded characters. */
function decoded(text: string | undefined): string | undefined {
  if (text === undefined || !text.includes("%")) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
