import type { Endpoint } from "../config/config.ts";

/** The endpoints by name, and the endpoints for paths without a name. */
export interface RoutingTable {
  /** All endpoints by their names. */
  readonly endpoints: ReadonlyMap<string, Endpoint>;
  /** The endpoint for `/v1/…` and `/chat/completions`, if there is one. */
  readonly defaultEndpoint: Endpoint | undefined;
  /** The endpoint for `/v1/messages…`, if there is one. */
  readonly messagesEndpoint: Endpoint | undefined;
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
    messagesEndpoint: endpoints.find(({ dialect }) => dialect === "anthropic") ?? defaultEndpoint,
  };
}
