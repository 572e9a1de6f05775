/** What a request can do with objects at a provider, by its method and path. */

import { operationOf } from "../apis/operation_of.ts";
import { factsOf, type Operation, type OperationGroup } from "../apis/operations.ts";
import { addReferences, type References } from "./object_ids.ts";
import { addUploads } from "./upload_session.ts";

/** What a request can do with objects. */
export interface ObjectRequest {
  readonly operation: Operation;
  /** The ids in the path and in the query. */
  readonly inHead: References;
  /** The ids in the path. */
  readonly inPath: References;
  /** The response describes an object that the request creates. */
  readonly creates: boolean;
  /** The response is a list of objects. */
  readonly lists: boolean;
  /** The path belongs to stored objects, so that an id in it can be nothing else. */
  readonly isOfObjects: boolean;
  /** The body can refer to objects. The content of an uploaded file is no reference. */
  readonly hasReferences: boolean;
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
  ],
);
/** Operations that create an object with a `POST` to a collection: `/assistants`, and not `/assistants/asst_…`. */
const CREATES_IN_COLLECTIONS: ReadonlySet<Operation> = new Set([
  "fine_tuning",
  "conversations",
  "other_stored",
]);
/** Operations whose bodies are files, or parts of them. */
const UPLOADS: ReadonlySet<Operation> = new Set(["upload_parts", "other_upload"]);
/** Google's uploads, whose bodies are files too. */
const GOOGLES_UPLOAD = /^\/(?:resumable\/)?upload\/v\d/i;
/** Ends of paths that contain data and no list. */
const DATA: ReadonlySet<string> = new Set(["content", "results", "url"]);
const COLLECTION = /^[a-z_]+$/;
const NO_REFERENCES: References = new Map();

/** The most paths without ids whose last requests are remembered. Most requests have one of a few paths. */
const MAX_REMEMBERED = 500;
/** Longer paths are not remembered, so that the memory for them is bounded. In characters. */
const MAX_REMEMBERED_LENGTH = 200;
const remembered = new Map<string, { readonly method: string; readonly request: ObjectRequest }>();

/** What a request can do with objects. `path` is the path after the name of the endpoint, `query` the raw query. */
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
  const isOfObjects = GROUPS.has(factsOf(operation).group) || OTHERS.has(operation);
  const creates = method === "POST" &&
    (CREATES.has(operation) || CREATES_IN_COLLECTIONS.has(operation) && isCollection && inPath.size === 0);
  const request = {
    operation,
    inHead: inQuery.size === 0 ? inPath : new Map([...inPath, ...inQuery]),
    inPath,
    creates,
    lists: method === "GET" && isOfObjects && isCollection,
    isOfObjects,
    hasReferences: method !== "GET" && method !== "HEAD" && method !== "OPTIONS" && !UPLOADS.has(operation) &&
      !GOOGLES_UPLOAD.test(plain),
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

function referencesIn(text: string): References {
  // Most paths have neither an id nor a folder of Google's names: `/v1/chat/completions`.
  if (!/[\d%:;]|[^/]{16}|files|cachedcontents|corpora|filesearchstores|tunedmodels|operations/i.test(text)) {
    return NO_REFERENCES;
  }
  const found: References = new Map();
  addReferences(text, found, true);
  return found;
}

/** The path as servers may read it: decoded, without repeated slashes, parameters of segments and a slash at the end. */
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
