/** Which requests make objects that can be looked at again, and which look at one: by their paths. */

/** A kind of object. */
export const OBJECT_KINDS = ["response", "interaction", "run", "batch"] as const;
/** One of them. */
export type ObjectKind = typeof OBJECT_KINDS[number];

/** What a request has to do with an object. */
export interface ObjectRequest {
  readonly kind: ObjectKind;
  /** It makes one, asks for its state or changes it, deletes it, lists all, or fetches the results of a batch. */
  readonly action: "create" | "read" | "delete" | "list" | "results" | "file";
  /** The provider's id of the object, or of the file that may hold its results; undefined: the response tells it. */
  readonly id: string | undefined;
}

/** Most paths have nothing to do with objects, and are not looked at any further. */
const MAYBE = /\/(?:responses|interactions|runs|batches|jobs|files)(?:\/|$)|:(?:asyncB|b)atch/i;
/** Where objects are made, by the references of OpenAI, Anthropic, Gemini, Mistral and Groq. */
const MAKING: readonly (readonly [RegExp, ObjectKind])[] = [
  [/\/responses$/i, "response"],
  [/\/interactions$/i, "interaction"],
  [/\/threads\/(?:[^/]+\/)?runs$/i, "run"],
  [/\/batches$|\/batch\/jobs$/i, "batch"],
  [/:(?:batchGenerateContent|asyncBatchEmbedContent)$/i, "batch"],
];
/** Where one is looked at, changed or stopped. */
const LOOKING: readonly (readonly [RegExp, ObjectKind])[] = [
  [/\/responses\/([^/]+)(?:\/cancel)?$/i, "response"],
  [/\/interactions\/([^/]+)(?:\/cancel)?$/i, "interaction"],
  [/\/threads\/[^/]+\/runs\/([^/]+)(?:\/(?:cancel|submit_tool_outputs))?$/i, "run"],
  [/\/(?:batches|batch\/jobs)\/([^/:]+)(?:[/:]cancel)?$/i, "batch"],
];
/** Where the results of batches are fetched: by the batch, or as a file. */
const RESULTS = [/\/batches\/([^/]+)\/results$/i];
const FILES = [/\/files\/([^/]+)\/content$/i, /\/files\/([^/:]+):download$/i];
const LISTS = /\/batches$|\/batch\/jobs$/i;
/** They look like an id and are none. */
const NO_IDS: ReadonlySet<string> = new Set(["compact", "input_tokens"]);
/** The longest id that is kept; a longer one is no id. */
export const MAX_OBJECT_ID = 512;

/** Undefined: nothing. `path` is what is left for the backend. */
export function objectRequestOf(
  { method, path }: { method: string; path: string },
): ObjectRequest | undefined {
  const plain = plainPath(path);
  if (!MAYBE.test(plain)) return undefined;
  if (method === "POST") {
    const made = MAKING.find(([pattern]) => pattern.test(plain));
    if (made !== undefined) return { kind: made[1], action: "create", id: undefined };
  }
  if (method === "GET") {
    const id = idIn(plain, RESULTS);
    if (id !== undefined) return { kind: "batch", action: "results", id };
    const file = idIn(plain, FILES);
    if (file !== undefined) return { kind: "batch", action: "file", id: file };
    if (LISTS.test(plain)) return { kind: "batch", action: "list", id: undefined };
  }
  for (const [pattern, kind] of LOOKING) {
    const id = idIn(plain, [pattern]);
    if (id !== undefined) return { kind, action: method === "DELETE" ? "delete" : "read", id };
  }
  return undefined;
}

/** The path as servers take it: letters may stand encoded, slashes may be repeated and stand at the end. */
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

/** Ids may hold signs that stand encoded in a path. */
function decoded(text: string | undefined): string | undefined {
  if (text === undefined || !text.includes("%")) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
