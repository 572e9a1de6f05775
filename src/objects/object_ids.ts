/** Recognises the ids of objects at providers, such as files and batches, in paths, queries and bodies. */

/**
 * Folders in names of Google's objects: `files/abc`. A client can choose the second part, so that it alone is
 * no id.
 */
const FOLDERS: ReadonlySet<string> = new Set([
  "batches",
  "batchpredictionjobs",
  "cachedcontents",
  "corpora",
  "documents",
  "files",
  "filesearchstores",
  "operations",
  "tunedmodels",
  "tuningjobs",
]);
/** What the ids of parts of a conversation begin with. No path reads such a part without its conversation. */
const PARTS: ReadonlySet<string> = new Set(["call", "fc", "fs", "msg", "rs", "srvtoolu", "toolu", "ws"]);
/** The longest id, in characters. */
const MAX_ID = 512;
/** The shortest id that a provider makes. Words such as `input_text` are shorter. */
const MIN_ID = 12;
/** Without a digit, the random part of an id is at least as long as this. */
const MIN_RANDOM = 16;
const PREFIX = /^[a-z][a-z0-9]*$/;
const CHARACTERS = /^[a-z0-9._~-]+$/;
/** Ids without a prefix: UUIDs, and long numbers in hexadecimal. */
const BARE = /^(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{24,})$/;
/** Longer strings are texts and data. Only addresses can be longer. */
const MAX_TEXT = 1_024;
const ADDRESS = /^(?:https?:|gs:|\/\/)/i;
/** A server may decode a path more than once. */
const MAX_DECODINGS = 3;
/**
 * A whole name of Google's: `files/abc`, `v1beta/corpora/a/documents/b`, `tunedModels/a/operations/b`. A path
 * of a program, such as `files/src/main.ts`, is not a name.
 */
const NAME = new RegExp(
  `^/*(?:v\\d\\w*/+)?(?:projects/[^/]+/(?:locations/[^/]+/)?)?(?:(?:${
    [...FOLDERS, "models", "chunks", "permissions"].join("|")
  })/+[\\w-]+(?::\\w+)?(?:/+(?=\\w)|/*(?:[?#].*)?$))+$`,
  "i",
);
/**
 * The members in which Google reads names, without capitals and underscores: `fileUri`, `cachedContent`,
 * `file_name`. A client can choose a name, so that it must not become the object of others where any text has
 * the word, as in the output of a program.
 */
const NAMING_MEMBER = /(?:names?|ids?|uris?|url|cachedcontent|source|parent|corpus|model|file)$/;
const NAME_ID = /^[a-z0-9_-]{1,100}$/;
/** Ids in bodies that can be nothing else, by their prefixes. */
const CERTAIN =
  /^(?:asst|batch|cntr|container|conv|file|ftjob|msgbatch|resp|thread|upload|video|vs)[-_][a-z0-9]{16,}$/;
const SEPARATORS = /[^\p{L}\p{N}_.~-]+/u;

/** Whether a lower-case text has the form of an id that a provider makes. */
export function isObjectId(text: string): boolean {
  if (text.length < MIN_ID || text.length > MAX_ID) return false;
  // A prefix and a random part: `file-abc…`, `resp_68a…`.
  const prefix = text.slice(0, Math.max(0, text.search(/[-_]/)));
  if (!PREFIX.test(prefix) || PARTS.has(prefix) || !CHARACTERS.test(text)) return BARE.test(text);
  const random = text.slice(Math.max(text.lastIndexOf("-"), text.lastIndexOf("_")) + 1);
  return /\d/.test(text) || random.length >= MIN_RANDOM;
}

/** An id that a text refers to. */
export interface Reference {
  /** The id as the client wrote it. */
  readonly written: string;
  /** Whether the text can be nothing but an id, so that one of an unknown maker can be rejected. */
  readonly isCertain: boolean;
}

/** The ids that a text refers to, by the id as {@link keptId} writes it. */
export type References = Map<string, Reference>;

/**
 * The id of a created object as the proxy keeps it: in lower case, with its folder if it is one of Google's
 * names. `undefined` if a client may have chosen the id.
 */
export function keptId(id: string): string | undefined {
  if (!id.includes("/")) {
    // The end of an id in base64.
    const text = id.toLowerCase().replace(/={1,2}$/, "");
    return isObjectId(text) ? text : undefined;
  }
  const references: References = new Map();
  addReferences(id, references);
  return [...references.keys()].find((reference) => reference.includes("/"));
}

/**
 * Adds all ids that a text refers to: the text itself, and the parts of an address or a path. `isPath` is for
 * texts that are read at any length. `member` is the name of the member of JSON that has the text.
 */
export function addReferences(
  text: string,
  found: References,
  { isPath = false, member }: { readonly isPath?: boolean; readonly member?: string } = {},
): void {
  const trimmed = text.trim();
  if (trimmed.length > MAX_TEXT && !isPath && !ADDRESS.test(trimmed)) return;
  const plain = plainText(trimmed);
  // Prose is no id.
  if (!isPath && /\s/.test(plain)) return;
  const hasNames = isPath || ADDRESS.test(plain) || canName(member) && NAME.test(plain);
  let folder: string | undefined;
  for (const part of plain.split(SEPARATORS)) {
    const written = withoutDots(part);
    const word = written.toLowerCase();
    if (folder !== undefined && hasNames && NAME_ID.test(word)) {
      found.set(`${folder}/${word}`, { written, isCertain: true });
    }
    folder = FOLDERS.has(word) ? word : undefined;
    if (isObjectId(word)) found.set(word, { written, isCertain: part === plain && CERTAIN.test(word) });
  }
}

/** Whether the text of a member can be a name of Google's. */
function canName(member: string | undefined): boolean {
  return member === undefined || NAMING_MEMBER.test(member.toLowerCase().replaceAll("_", ""));
}

/**
 * The text without the dots at its end. A pattern would take a time in proportion to the square of their
 * number.
 */
function withoutDots(text: string): string {
  let end = text.length;
  while (end > 0 && text[end - 1] === ".") end--;
  return text.slice(0, end);
}

/** The text without encoded or unusual characters. */
function plainText(text: string): string {
  let plain = text;
  for (let count = 0; count < MAX_DECODINGS && plain.includes("%"); count++) {
    try {
      const decoded = decodeURIComponent(plain);
      if (decoded === plain) break;
      plain = decoded;
    } catch {
      plain = plain.replace(/%[0-9a-f]{2}/gi, (code) => {
        const byte = parseInt(code.slice(1), 16);
        return byte < 0x80 ? String.fromCharCode(byte) : code;
      });
      break;
    }
  }
  // deno-lint-ignore no-control-regex -- it searches for characters beyond ASCII
  return /[^\x00-\x7f]/.test(plain) ? plain.normalize("NFKC") : plain;
}
