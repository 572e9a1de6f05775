/** Routes for endpoints: their configuration, and the state of their backends. */

import * as v from "valibot";
import { proxyText } from "../../config/read/outbound_proxy.ts";
import type { Backend, Endpoint } from "../../config/config.ts";
import type { BackendReport } from "../../forwarding/balancer.ts";
import * as responses from "./responses.ts";
import type { RouteParts } from "./parts.ts";
import { ADMIN_ONLY, ALL_ROLES } from "./access.ts";
import { Problem } from "./problem.ts";
import { json, type JsonReply, type Route, route, type RouteRequest } from "./route.ts";
import { shownProbe } from "./shown_probe.ts";

/** The routes at `/endpoints`. */
export const ENDPOINT_ROUTES: readonly Route[] = [
  route("get /endpoints", {
    access: ALL_ROLES,
    summary: "Endpoints with their configuration, without secrets, and the state of each backend",
    responses: { 200: v.object({ data: v.array(responses.endpoint), next_cursor: v.null() }) },
    handle: (_, parts) => listEndpoints(parts),
  }),
  route("post /endpoints/{id}/try", {
    access: ADMIN_ONLY,
    summary: "Probe the backends of an endpoint, by its name: ask each for its models, with its key",
    responses: { 200: v.object({ data: v.array(responses.probeResult), next_cursor: v.null() }) },
    handle: probeEndpoint,
  }),
];

async function listEndpoints({ proxy }: RouteParts): Promise<JsonReply | Response> {
  await proxy?.refreshed();
  const defaultEndpoint = (await proxy?.connectable())?.defaultEndpoint;
  return json({
    data: (proxy?.endpoints() ?? []).map(({ endpoint, backends }) => ({
      ...shownEndpoint(endpoint),
      default: endpoint.name === defaultEndpoint,
      backends: backends.map(shownBackend),
    })),
    next_cursor: null,
  });
}

async function probeEndpoint({ id }: RouteRequest, { proxy }: RouteParts): Promise<JsonReply | Response> {
  const found = proxy?.endpoints().find(({ endpoint }) => endpoint.name === id);
  if (proxy === undefined || found === undefined) {
    throw new Problem(404, `There is no endpoint ${JSON.stringify(id)}.`);
  }
  const results = await proxy.probe(found.endpoint);
  return json({ data: results.map((result) => shownProbe(result)), next_cursor: null });
}

function shownEndpoint(endpoint: Endpoint) {
  return {
    name: endpoint.name,
    provider: endpoint.dialect,
    paths: [...endpoint.paths],
    strategy: endpoint.strategy,
    affinity: endpoint.affinity === undefined ? "off" : endpoint.affinity.header ?? "auto",
    objects: endpoint.objects,
    retries: endpoint.retry.retries,
    retry_statuses: [...endpoint.retry.statuses],
    max_buffer_bytes: endpoint.maxBufferBytes,
    stream_usage: endpoint.streamUsage,
    expose_backend: endpoint.exposeBackend,
    price_provider: endpoint.priceProvider ?? null,
    own_prices: endpoint.prices.length,
    anthropic_version: endpoint.anthropicVersion ?? null,
  };
}

function shownBackend({ backend, state, inFlight, failures, forMs, isDownByCheck }: BackendReport) {
  return {
    name: backend.name,
    base_url: backend.baseUrl.origin + backend.baseUrl.path,
    state,
    in_flight: inFlight,
    failures,
    for_seconds: Math.round(forMs / 1000),
    check: backend.check === undefined ? null : {
      every_seconds: backend.check.everyMs / 1000,
      path: backend.check.path ?? null,
      failed: isDownByCheck,
    },
    wake: backend.wake === undefined
      ? null
      : { mac: backend.wake.mac, timeout_seconds: backend.wake.timeoutMs / 1000 },
    ...shownSettings(backend),
  };
}

/** The settings of a backend. Headers are shown by name only, since their values may be keys. */
function shownSettings(
  { key, keyField, connection, headers, removeHeaders, model, weight, timeouts }: Backend,
) {
  const seconds = (ms: number | undefined) => ms === undefined ? null : ms / 1000;
  return {
    key: key.mode,
    key_header: key.mode === "inject" ? keyField : null,
    proxy: connection.proxy === undefined ? null : proxyText(connection.proxy),
    headers: headers.map(([name]) => name),
    remove_headers: [...removeHeaders],
    models: { ...Object.fromEntries(model?.byName ?? []), ...(model?.otherwise && { "*": model.otherwise }) },
    weight,
    timeouts: {
      connect_seconds: seconds(timeouts.connectMs),
      first_byte_seconds: seconds(timeouts.firstByteMs),
      idle_seconds: seconds(timeouts.idleMs),
      total_seconds: seconds(timeouts.totalMs),
    },
  };
}
