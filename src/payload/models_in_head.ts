/** Finds every model that the head of a request names: in its path, its query and its headers. */

import { ProxyFault } from "../faults.ts";
import { MAX_PARAMETERS, queryParameters } from "../http/query.ts";
import { MAX_MODELS, namesModel, shortName } from "./model_name.ts";

/** Segments of a path that are followed by the name of a model. */
const MODEL_FOLDERS: ReadonlySet<string> = new Set([
  "model",
  "models",
  "tunedmodels",
  "deployments",
  "engines",
]);
/**
 * A fast test for every request, because most paths name no model. An encoded character may be part of a
 * name.
 */
const MAY_NAME_MODEL = /[:%]|model|deployments|engines/i;

/** What follows `/models/` in Azure's paths that name no model. */
const UNNAMED = /^(?:chat\/completions|(?:images\/)?embeddings)$/i;

const NO_NAMES: readonly string[] = [];

/**
 * The start of the name of a resource of Bedrock, such as
 * `arn:aws:bedrock:us-east-1:1:inference-profile/us.anthropic.…`.
 */
const ARN = /^arn:/i;

/**
 * Returns all models that a path names, as paths of Gemini, Azure and Bedrock do:
 * `/v1beta/models/NAME:generateContent`, `/deployments/NAME/…`, `/model/NAME/converse`. It reads encoded and
 * repeated slashes as servers do.
 */
export function modelsInPath(path: string): readonly string[] {
  if (!MAY_NAME_MODEL.test(path)) return NO_NAMES;
  const segments = path.split("/").map(decoded).join("/").split("/").filter((segment) => segment !== "");
  const names: string[] = [];
  for (const [index, segment] of segments.entries()) {
    const folder = (segments[index - 1] ?? "").toLowerCase();
    const isUnnamed = folder === "models" && index >= segments.length - 2 &&
      UNNAMED.test(segments.slice(index).join("/"));
    const isNamed = MODEL_FOLDERS.has(folder) && !isUnnamed;
    if (isNamed && ARN.test(segment)) {
      // The name continues after the slash of the ARN. The last segment of the path is the action.
      names.push(shortName(segments.slice(index, Math.max(index + 1, segments.length - 1)).join("/")));
      continue;
    }
    const action = /:[A-Za-z]+$/.exec(segment);
    if (isNamed || action !== null && index === segments.length - 1) {
      names.push(shortName(segment.slice(0, action?.index ?? segment.length)));
    }
  }
  return names;
}

/**
 * Returns the models that a query names. `undefined` if the query has too many parameters. It ignores
 * capitals in the names of parameters.
 */
export function modelsInQuery(query: string): readonly string[] | undefined {
  if (query === "") return NO_NAMES;
  return queryParameters(query)?.flatMap(([name, value]) => namesModel(name) ? [shortName(value)] : []);
}

/** The models that the head of a request names. Rules apply to all of them. */
export interface ModelsInHead {
  /** The models in places that every server reads: the path, or the query of a WebSocket. */
  readonly named: readonly string[];
  /** The models in places that only some servers read. */
  readonly possiblyNamed: readonly string[];
}

/**
 * Returns the models that the head of a request names. In each place, a model is listed once. `query` is the
 * raw query. Throws `bad_request` for a head with too many models or parameters, because each model is
 * compared with every rule.
 */
export function modelsInHead(
  { path, query, fields, isWebSocket }: {
    path: string;
    query: string;
    fields: readonly { readonly lower: string; readonly value: string }[];
    isWebSocket: boolean;
  },
): ModelsInHead {
  const inQuery = modelsInQuery(query);
  if (inQuery === undefined) {
    throw new ProxyFault(
      "bad_request",
      `A rule, a model override or a budget depends on this request, and its query has more than ${MAX_PARAMETERS} ` +
        "parameters.",
    );
  }
  const inPath = distinct(modelsInPath(path));
  const ofQuery = distinct(inQuery);
  const inFields = modelsInFields(fields);
  return isWebSocket
    ? { named: ofQuery, possiblyNamed: joined(inPath, inFields) }
    : { named: inPath, possiblyNamed: joined(ofQuery, inFields) };
}

/** A fast test for the names of headers that may name a model. */
const MODEL_FIELD = /(?:model|deployment|engine|fallback)/;

/**
 * Returns the models that headers name, as Azure's `azureml-model-deployment` does. `sec-ch-ua-model` does
 * not count, because browsers name the user's device in it.
 */
export function modelsInFields(
  fields: readonly { readonly lower: string; readonly value: string }[],
): readonly string[] {
  let names: string[] | undefined;
  for (const { lower, value } of fields) {
    if (!MODEL_FIELD.test(lower) || lower.startsWith("sec-") || !namesModel(lower)) continue;
    names = [...names ?? [], ...distinct(value.split(","))];
  }
  return names === undefined ? NO_NAMES : distinct(distinct(names).map(shortName));
}

/** Returns each name once. Throws `bad_request` for more than {@link MAX_MODELS} names. */
function distinct(names: readonly string[]): readonly string[] {
  if (names.length < 2) return names;
  const once = new Set(names);
  if (once.size <= MAX_MODELS) return [...once];
  throw new ProxyFault(
    "bad_request",
    `The path, the query and the headers name more than ${MAX_MODELS} different models.`,
  );
}

function joined(some: readonly string[], more: readonly string[]): readonly string[] {
  if (more.length === 0) return some;
  return some.length === 0 ? more : [...some, ...more];
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
