/** What a request can do with objects at a provider, by its method and path. */

import { operationOf } from "../apis/operation_of.ts";
import { factsOf, type Operation, type OperationGroup } from "../apis/operations.ts";
import { pathReadings } from "../text/path_readings.ts";
import { addReferences, type References } from "./object_ids.ts";
import { addUploads } from "./upload_session.ts";

/** What a request can do with objects. */
export interface ObjectRequest {
  readonly operation: Operation;
  /** The ids in the path and in the query. */
  readonly inHead: References;
  /** The ids in the path. */
  readonly inPath: References;
  /**
   * Names in the path that do not look like ids, each with its collection: `files=a`. Some servers make ids
   * that look like words. Empty if the path does not belong to stored objects.
   */
  readonly unusualInPath: References;
  /**
   * An id in the response that does not look like one, with the collection of the path. `undefined` if the
   * path ends with no collection, or the id is too long.
   */
  readonly unusualId: (id: string) => string | undefined;
  /** Whether the response describes an object that the request creates. */
  readonly creates: boolean;
  /** Whether the response may be a list of objects, in any way in which a server could read the path. */
  readonly lists: boolean;
  /**
   * The name that a client has chosen for the object which the request deletes, as Google's `files/report`.
   * Another client can choose it afterwards. `undefined` if the request deletes nothing, or an object with an
   * id of the provider.
   */
  readonly deletedName: string | undefined;
  /** Whether the path belongs to stored objects, so that an id in it can be nothing else. */
  readonly isOfObjects: boolean;
  /** Whether the body can refer to objects. The content of an uploaded file is no reference. */
  readonly hasReferences: boolean;
  /** Whether the texts in a member of a JSON body can refer to objects. */
  readonly isReferring: (member: string, text: string) => boolean;
  /** Whether an object in a member of a JSON body has the arguments or the output of a tool. */
  readonly isOfTool: (member: string) => boolean;
  /**
   * Whether the API has bodies other than JSON and forms at this path, such as sound, or the proxy does not
   * know the path.
   */
  readonly mayBeRaw: boolean;
}

const GROUPS: ReadonlySet<OperationGroup> = new Set(["files", "batches", "fine_tuning", "stored"]);
/** Operations of other groups that create, read and list objects. */
const OTHERS: ReadonlySet<Operation> = new Set(["responses", "interactions", "videos"]);
/** Operations that create an object with each `POST`. */
const CREATES: ReadonlySet<Operation> = new Set(
  [
    "responses",
    "interactions",
    "files",
    "uploads",
    "batches",
    "batch_jobs",
    "batch_generate_content",
    "thread_runs",
    "chat_completions",
    "videos",
    "prediction_jobs",
    "predict",
  ],
);
/**
 * Operations that create an object with a `POST` to a collection: `/assistants`, and not
 * `/assistants/asst_…`.
 */
const CREATES_IN_COLLECTIONS: ReadonlySet<Operation> = new Set([
  "fine_tuning",
  "conversations",
  "other_stored",
]);
/** Operations of other groups whose bodies have the texts of a conversation. */
const CONVERSATIONS: ReadonlySet<Operation> = new Set([
  "responses",
  "interactions",
  "conversations",
  "thread_messages",
  "thread_runs",
]);
/**
 * Members with texts of users, models and tools, and with addresses of web pages, which no API takes for the
 * id of an object. An id of another token in such a text must not end the conversation.
 */
const OWN_SCHEME = /^\s*(?!(?:https?|wss?|ftp|file|data|mailto):)[a-z][a-z0-9+._-]{0,30}:\/\//i;
const TEXTS: ReadonlySet<string> = new Set([
  "text",
  "content",
  "output",
  "arguments",
  "result",
  "input",
  "prompt",
  "instructions",
  "system",
  "thinking",
  "summary",
  "description",
  "title",
  "query",
  "url",
  "reasoning_content",
]);
/**
 * The members with the arguments or the output of a tool as an object: `tool_use` of Anthropic, and
 * `functionCall` and `functionResponse` of Google.
 */
const TOOL_OBJECTS: Readonly<Partial<Record<Operation, readonly string[]>>> = {
  messages: ["input"],
  generate_content: ["args", "response"],
  stream_generate_content: ["args", "response"],
};
/** Google's uploads, whose bodies are files, as those of `upload_parts`. */
const GOOGLES_UPLOAD = /^\/(?:resumable\/)?upload\/v\d/i;
/** Together's uploads of whole files. */
const UPLOAD = /\/files\/upload$/i;
/** Ends of paths that contain data and no list. */
const DATA: ReadonlySet<string> = new Set(["content", "results", "url"]);
const COLLECTION = /^[a-z_-]+$/;
/** The end of a collection that some servers ignore: `/files.json`. */
const IGNORED_END = /\.json$/;
/** The restart of a conversation of Mistral makes another one. */
const RESTART = /\/conversations\/[^/]+\/restart$/i;
/** Groups of operations whose bodies name objects. */
const WITH_REFERENCES: ReadonlySet<OperationGroup> = new Set([...GROUPS, "inference"]);
const RAW: ReadonlySet<Operation> = new Set([
  "audio_transcriptions",
  "audio_translations",
  "other_inference",
  "other_upload",
]);
const NO_REFERENCES: References = new Map();

/** In characters. */
const MAX_UNUSUAL_ID = 2_048;
/** The most paths without ids whose last requests are remembered. Most requests have one of a few paths. */
const MAX_REMEMBERED = 500;
/** Longer paths are not remembered, so that the memory for them is bounded. In characters. */
const MAX_REMEMBERED_LENGTH = 200;
const remembered = new Map<string, { readonly method: string; readonly request: ObjectRequest }>();

/**
 * What a request can do with objects. `path` is the path after the name of the endpoint, `query` the raw
 * query.
 */
export function objectRequestOf(
  { method, path, query }: { readonly method: string; readonly path: string; readonly query: string },
): ObjectRequest {
  const known = query === "" ? remembered.get(path) : undefined;
  if (known?.method === method) return known.request;
  const plain = plainPath(path);
  const operation = operationOf(method, plain);
  const inPath = referencesIn(path);
  const inQuery = query === "" ? NO_REFERENCES : referencesInQuery(query);
  const last = plain.slice(plain.lastIndexOf("/") + 1).toLowerCase();
  const isCollection = COLLECTION.test(last) && !DATA.has(last);
  const { group } = factsOf(operation);
  const isOfObjects = isOperationOfObjects(operation);
  const isInCollection = isCollection && inPath.size === 0 || RESTART.test(plain);
  const creates = method === "POST" &&
    (CREATES.has(operation) || UPLOAD.test(plain) || CREATES_IN_COLLECTIONS.has(operation) && isInCollection);
  const request = {
    operation,
    inHead: inQuery.size === 0 ? inPath : new Map([...inPath, ...inQuery]),
    inPath,
    unusualInPath: isOfObjects ? unusualReferences(plain, inPath) : NO_REFERENCES,
    unusualId: (id: string) => isCollection ? unusualKey(last, id) : undefined,
    creates,
    lists: method === "GET" && (isOfObjects && isCollection || mayBeList(path)),
    deletedName: method === "DELETE" ? chosenName(plain, inPath) : undefined,
    isOfObjects,
    hasReferences: method !== "GET" && method !== "HEAD" && method !== "OPTIONS" && !isUpload(method, path),
    isReferring: group === "inference" || CONVERSATIONS.has(operation) ? canRefer : () => true,
    isOfTool: (member: string) => TOOL_OBJECTS[operation]?.includes(member) === true,
    mayBeRaw: !WITH_REFERENCES.has(group) || RAW.has(operation),
  };
  if (query === "" && inPath.size === 0 && path.length <= MAX_REMEMBERED_LENGTH) {
    if (remembered.size >= MAX_REMEMBERED) remembered.clear();
    remembered.set(path, { method, request });
  }
  return request;
}

function referencesInQuery(query: string): References {
  const found: References = new Map(referencesIn(query.replaceAll("+", " ")));
  addUploads(query, found);
  return found;
}

function isOperationOfObjects(operation: Operation): boolean {
  return GROUPS.has(factsOf(operation).group) || OTHERS.has(operation);
}

/** What the segments of a path name that does not look like an id, each with the collection before it. */
function unusualReferences(path: string, inPath: References): References {
  const found: References = new Map();
  const segments = path.split("/");
  for (const [index, written] of segments.entries()) {
    const collection = segments[index - 1]?.toLowerCase() ?? "";
    const key = COLLECTION.test(collection) ? unusualKey(collection, written) : undefined;
    if (key !== undefined && !inPath.has(written.toLowerCase())) {
      found.set(key, { written, isCertain: false });
    }
  }
  return found;
}

/** Usual ids have no equals sign, so that no id has this key. */
function unusualKey(collection: string, id: string): string | undefined {
  return id === "" || id.length > MAX_UNUSUAL_ID ? undefined : `${collection}=${id}`;
}

/**
 * Whether the text in a member can refer to objects in a request to a model. Some providers read ids in texts
 * and in addresses, by other schemes: `fileid://…`, `ms://…`.
 */
function canRefer(member: string, text: string): boolean {
  return !TEXTS.has(member.toLowerCase()) || OWN_SCHEME.test(text);
}

/** Whether the body is a file or a part of one, in each way in which a server can read the path. */
function isUpload(method: string, path: string): boolean {
  return pathReadings(path)?.every((reading) =>
    operationOf(method, reading) === "upload_parts" || GOOGLES_UPLOAD.test(reading)
  ) ?? false;
}

/** Whether some server could read a `GET` of this path as one of a list of objects. */
function mayBeList(path: string): boolean {
  const readings = pathReadings(path);
  if (readings === undefined) return true;
  return readings.some((reading) => {
    const lower = reading.toLowerCase().replace(IGNORED_END, "");
    const last = lower.slice(lower.lastIndexOf("/") + 1);
    // Google's long operations belong to a model.
    return last === "operations" ||
      COLLECTION.test(last) && !DATA.has(last) && isOperationOfObjects(operationOf("GET", lower));
  });
}

/** The only name of a path, if the path ends with it. */
function chosenName(path: string, inPath: References): string | undefined {
  const [name, ...others] = inPath.keys();
  const isNamed = name !== undefined && others.length === 0 && name.includes("/");
  return isNamed && path.toLowerCase().endsWith(`/${name}`) ? name : undefined;
}

function referencesIn(text: string): References {
  // Most paths have neither an id nor a folder of Google's names: `/v1/chat/completions`.
  if (!/[\d%:;]|[^/]{16}|files|cachedcontents|corpora|filesearchstores|tunedmodels|operations/i.test(text)) {
    return NO_REFERENCES;
  }
  const found: References = new Map();
  addReferences(text, found, { isPath: true });
  return found;
}

/**
 * The path as servers may read it: decoded, without repeated slashes, parameters of segments and a slash at
 * the end.
 */
function plainPath(path: string): string {
  if (!/%|\/\/|;|\/$/.test(path)) return path;
  let plain = path;
  try {
    plain = decodeURIComponent(path);
  } catch {
    // The request is rejected elsewhere.
  }
  plain = plain.replaceAll(/;[^/]*/g, "").replaceAll(/\/+/g, "/");
  return plain.length > 1 && plain.endsWith("/") ? plain.slice(0, -1) : plain;
}
