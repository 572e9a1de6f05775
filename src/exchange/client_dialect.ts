import { type Dialect, dialectOfClient, dialectOfVersion, type ErrorDialect } from "../apis/dialects.ts";
import { isOllamaPath, recognisedPath } from "../apis/operation_of.ts";
import { factsOf } from "../apis/operations.ts";
import { DIALECT_OF_API, type UnnamedApi } from "../apis/unnamed_paths.ts";
import { type Field, fieldValue } from "../http/fields.ts";

/**
 * The dialect in which a client understands errors. The path or a header with a version decides first,
 * because many endpoints have the paths of several dialects. Then the dialect of the endpoint counts, and
 * then the other headers of the client.
 */
export function clientDialect(
  { path, apiPath, fields, api, endpoint }: {
    readonly path: string;
    /** The path after the name of the endpoint. `undefined` if the path has no endpoint. */
    readonly apiPath: string | undefined;
    readonly fields: readonly Field[];
    /** The API of a path without the name of an endpoint. */
    readonly api: UnnamedApi | undefined;
    readonly endpoint: { readonly dialect: Dialect } | undefined;
  },
): ErrorDialect {
  if (isOllamaPath(apiPath ?? path)) return "ollama";
  const has = (lower: string) => fieldValue(fields, lower) !== undefined;
  return factsOf(recognisedPath(path).operation).dialect ?? dialectOfVersion(has) ??
    (api && DIALECT_OF_API[api]) ?? endpoint?.dialect ?? dialectOfClient(has);
}
