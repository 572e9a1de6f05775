import { DIALECT_NAMES, DIALECTS } from "../apis/dialects.ts";
import type { Endpoint } from "../config/config.ts";

/** The endpoints by name, and the endpoints for paths without a name. */
export interface RoutingTable {
  /** All endpoints by their names. */
  readonly endpoints: ReadonlyMap<string, Endpoint>;
  /** The endpoint for `/v1/…` and `/chat/completions`, if there is one. */
  readonly defaultEndpoint: Endpoint | undefined;
  /** The endpoints for folders that only one dialect has, such as `/v1/messages`. */
  readonly dialectFolders: readonly { readonly folder: string; readonly endpoint: Endpoint | undefined }[];
}

/**
 * Makes the routing table. The default endpoint is `defaultName`. Without `defaultName` it is `openai`; if no
 * endpoint has that name, it is the only endpoint.
 */
export function buildRoutingTable(endpoints: readonly Endpoint[], defaultName?: string): RoutingTable {
  const byName = new Map(endpoints.map((endpoint) => [endpoint.name, endpoint]));
  const defaultEndpoint = byName.get(defaultName ?? "openai") ??
    (endpoints.length === 1 ? endpoints[0] : undefined);
  return {
    endpoints: byName,
    defaultEndpoint,
    dialectFolders: DIALECT_NAMES.flatMap((name) => {
      const folder = DIALECTS[name].unnamedFolder;
      const endpoint = endpoints.find(({ dialect }) => dialect === name) ?? defaultEndpoint;
      return folder === undefined ? [] : [{ folder, endpoint }];
    }),
  };
}
