import type { Endpoint } from "../config/config.ts";

/** Endpoints by name, and where paths without an endpoint's name go. */
export interface RoutingTable {
  readonly endpoints: ReadonlyMap<string, Endpoint>;
  /** Answers `/v1/…` and `/chat/completions`. */
  readonly defaultEndpoint: Endpoint | undefined;
  /** Answers `/v1/messages…`. */
  readonly messagesEndpoint: Endpoint | undefined;
}

/** The default is the one that was named, else `openai` where there is one, else the only endpoint there is. */
export function buildRoutingTable(endpoints: readonly Endpoint[], defaultName?: string): RoutingTable {
  const byName = new Map(endpoints.map((endpoint) => [endpoint.name, endpoint]));
  const defaultEndpoint = byName.get(defaultName ?? "openai") ??
    (endpoints.length === 1 ? endpoints[0] : undefined);
  return {
    endpoints: byName,
    defaultEndpoint,
    messagesEndpoint: endpoints.find(({ provider }) => provider === "anthropic") ?? defaultEndpoint,
  };
}
