/** Chooses the endpoint for a client and writes its settings, for the command line and the admin page. */

import type { Dialect } from "../apis/dialects.ts";
import { harmlessText } from "../text/harmless_text.ts";
import { type Client, type Piece, TOKEN_HEADER } from "./client.ts";
import { clientOf } from "./clients.ts";
import { type ConnectEndpoint, suggestedModel } from "./endpoints.ts";

/** Placeholder for the proxy token. */
export const TOKEN_PLACEHOLDER = "<proxy token>";
/** Placeholder for the key of the provider. */
const KEY_PLACEHOLDER = "<key for the provider>";
/** Placeholder for an unknown model. */
const MODEL_PLACEHOLDER = "<model>";
/** Placeholder for the file of the authority. */
export const AUTHORITY_PLACEHOLDER = "/path/to/ca.pem";

/** The longest text of an error that repeats names, in characters. */
const MAX_NAMES = 2_000;

/** The properties of a proxy that settings of clients depend on. */
export interface Connectable {
  readonly endpoints: readonly ConnectEndpoint[];
  readonly defaultEndpoint: string | undefined;
  /** Whether clients need a token. */
  readonly needsToken: boolean;
  /** Whether clients have to trust the authority of the proxy's certificate first. */
  readonly hasSelfSignedRoot: boolean;
}

/** The client, the endpoint and the values that the user chose. */
export interface SettingsRequest {
  /** The name of the client, a key of `CLIENTS`. */
  readonly client: string;
  /** The name of the endpoint. If `undefined`, the first endpoint that speaks a dialect of the client. */
  readonly endpoint: string | undefined;
  /** The address of the proxy, like `http://192.168.1.20:33000`. */
  readonly url: string;
  readonly token: string | undefined;
  /** The path of the authority's certificate on the machine of the client, if it is known. */
  readonly authority?: string | undefined;
}

/** The settings of a client, ready to be pasted. */
export interface ClientSettings {
  readonly title: string;
  readonly endpoint: string;
  readonly endpointUrl: string;
  readonly pieces: readonly Piece[];
  /** Notes on the settings, each a sentence. */
  readonly notes: readonly string[];
}

/** There are no settings for a client. The message is for people. */
export class NoSettingsError extends Error {
  override readonly name = "NoSettingsError";
  readonly reason: "client" | "endpoint" | "dialect";

  constructor(reason: NoSettingsError["reason"], message: string) {
    super(harmlessText(message, MAX_NAMES));
    this.reason = reason;
  }
}

/**
 * Writes the settings of a client. Throws {@link NoSettingsError} if the client, the endpoint or a common
 * dialect is missing.
 */
export function settingsFor(
  proxy: Connectable,
  { client: name, endpoint: wanted, url, token = TOKEN_PLACEHOLDER, authority }: SettingsRequest,
): ClientSettings {
  const client = clientOf(name);
  if (client === undefined) {
    throw new NoSettingsError("client", `There is no client ${JSON.stringify(name)}.`);
  }
  const endpoint = chooseEndpoint(proxy, client, wanted);
  const dialect = client.dialects.find((one) => one === endpoint.dialect) ?? client.dialects[0] ?? "openai";
  const endpointUrl = `${url.replace(/\/+$/, "")}/${endpoint.name}`;
  const isSecure = url.startsWith("https:");
  const facts = {
    endpointUrl,
    endpoint: endpoint.name,
    dialect,
    key: endpoint.forwardsClientKey ? KEY_PLACEHOLDER : token,
    separateToken: endpoint.forwardsClientKey && proxy.needsToken ? token : undefined,
    model: suggestedModel(endpoint, dialect) ?? MODEL_PLACEHOLDER,
    hasResponses: endpoint.hasResponses,
    authority: isSecure
      ? authority ?? (proxy.hasSelfSignedRoot ? AUTHORITY_PLACEHOLDER : undefined)
      : undefined,
  };
  const speaks = client.dialects.includes(endpoint.dialect) || endpoint.dialect === "generic";
  const notes = [
    ...(client.notes?.(facts) ?? []),
    ...(speaks ? [] : [
      `${client.title} speaks ${
        client.dialects.join(" or ")
      }, and the endpoint ${endpoint.name} speaks ${endpoint.dialect}. This works only if the upstream understands both.`,
    ]),
    ...(endpoint.forwardsClientKey ? [passthroughNote(client, endpoint, facts.separateToken)] : []),
    ...(facts.authority === undefined
      ? []
      : [`${facts.authority} is a copy of data/tls/ca.pem of the proxy on the client's machine.`]),
  ];
  return { title: client.title, endpoint: endpoint.name, endpointUrl, pieces: client.pieces(facts), notes };
}

function passthroughNote(
  { title, hasHeaderSetting }: Client,
  { name }: ConnectEndpoint,
  separateToken: string | undefined,
): string {
  const passes = `The endpoint ${name} forwards the client's own key. Insert the key of the provider`;
  if (separateToken === undefined) return `${passes}.`;
  return hasHeaderSetting
    ? `${passes}. The proxy token goes into ${TOKEN_HEADER}.`
    : `${passes}. The proxy needs its token in the header ${TOKEN_HEADER}, ` +
      `but ${title} has no known setting for this header.`;
}

/**
 * Chooses the endpoint for a client. Without a name it is the first one that speaks a dialect of the client.
 * Throws {@link NoSettingsError} if no endpoint fits.
 */
export function chooseEndpoint(
  { endpoints, defaultEndpoint }: Pick<Connectable, "endpoints" | "defaultEndpoint">,
  { title, dialects, preferredEndpoint }: Pick<Client, "title" | "dialects" | "preferredEndpoint">,
  name: string | undefined,
): ConnectEndpoint {
  const names = endpoints.map((endpoint) => endpoint.name).join(", ");
  const byName = (wanted: string) => endpoints.find((endpoint) => endpoint.name === wanted);
  if (name !== undefined) {
    const named = byName(name);
    if (named !== undefined) return named;
    throw new NoSettingsError(
      "endpoint",
      `There is no endpoint ${JSON.stringify(name)}. The endpoints are ${names}.`,
    );
  }
  const speaks = (dialect: Dialect) => {
    const speaking = endpoints.filter((one) => one.dialect === dialect);
    return speaking.find((endpoint) => endpoint.name === defaultEndpoint) ?? speaking[0];
  };
  const preferred = preferredEndpoint === undefined ? undefined : byName(preferredEndpoint);
  const found = preferred ?? dialects.map(speaks).find((endpoint) => endpoint !== undefined) ??
    (dialects.includes("openai") ? speaks("generic") : undefined);
  if (found !== undefined) return found;
  throw new NoSettingsError(
    "dialect",
    `${title} speaks ${dialects.join(" or ")}, and no endpoint does. The endpoints are ${names}.`,
  );
}
