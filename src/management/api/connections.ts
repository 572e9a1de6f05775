/** Routes that connect clients: their settings, and QR codes for phones. */

import encodeQR from "qr";
import { CLIENTS } from "../../connect/clients.ts";
import { suggestedModel } from "../../connect/endpoints.ts";
import { type ClientSettings, NoSettingsError, settingsFor } from "../../connect/settings.ts";
import * as responses from "./responses.ts";
import type { RouteParts } from "./parts.ts";
import { ALL_ROLES } from "./access.ts";
import { Problem } from "./problem.ts";
import * as requests from "./requests.ts";
import { type BodyRequest, json, type JsonReply, type Route, route } from "./route.ts";

/** The routes at `/connect` and `/qr`. */
export const CONNECTION_ROUTES: readonly Route[] = [
  route("get /connect", {
    access: ALL_ROLES,
    summary: "Clients with known settings, and the addresses of this proxy, the most useful one first",
    responses: { 200: responses.connectable },
    handle: (_, parts) => listClients(parts),
  }),
  route("post /connect", {
    access: ALL_ROLES,
    summary: "The settings of a client for this proxy; the proxy does not store the request",
    body: requests.connection,
    responses: { 200: responses.settings },
    handle: showSettings,
  }),
  route("post /qr", {
    access: ALL_ROLES,
    summary: "A text as a QR code: its width in modules, and the dark modules as an SVG path",
    body: requests.qrText,
    responses: { 200: responses.qrCode },
    handle: ({ body }) => Promise.resolve(json(qrCodeOf(body.text))),
  }),
];

async function listClients({ proxy }: RouteParts): Promise<JsonReply | Response> {
  const connectable = await proxy?.connectable();
  return json({
    clients: Object.entries(CLIENTS).map(([name, { title, dialects }]) => ({ name, title, dialects })),
    urls: proxy?.urls() ?? [],
    has_admin_port: proxy?.hasAdminPort() ?? false,
    models: Object.fromEntries(
      connectable?.endpoints.map((one) => [one.name, suggestedModel(one) ?? null]) ?? [],
    ),
    token_asked: connectable?.needsToken ?? true,
  });
}

async function showSettings(
  { body }: BodyRequest<typeof requests.connection>,
  { proxy }: RouteParts,
): Promise<JsonReply | Response> {
  if (proxy === undefined) {
    throw new Problem(503, "No proxy is running here: use the API of a running proxy.");
  }
  const url = body.url ?? proxy.urls()[0] ?? "http://localhost";
  const wanted = { client: body.client, endpoint: body.endpoint, url, token: body.token };
  const connectable = await proxy.connectable();
  const found = asProblem(() => settingsFor(connectable, wanted));
  return json({
    title: found.title,
    endpoint: found.endpoint,
    endpoint_url: found.endpointUrl,
    pieces: [...found.pieces],
    notes: [...found.notes],
  });
}

function qrCodeOf(text: string) {
  const rows = encodeQR(text, "raw", { ecc: "medium", border: 2 });
  const path = rows.flatMap((row, y) => row.flatMap((isDark, x) => isDark ? [`M${x} ${y}h1v1h-1z`] : []));
  return { size: rows.length, path: path.join("") };
}

function asProblem(work: () => ClientSettings): ClientSettings {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof NoSettingsError)) throw error;
    const pointer = error.reason === "client" ? "#/client" : "#/endpoint";
    throw new Problem(400, `${pointer}: ${error.message}`, { places: [{ pointer, detail: error.message }] });
  }
}
