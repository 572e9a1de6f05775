/** Which endpoint a client uses, and its settings for it: what the command line and the admin page show. */

import type { Provider } from "../config/config.ts";
import type { Client, Piece } from "./client.ts";
import { clientOf } from "./clients.ts";
import { type ConnectEndpoint, modelToBeginWith } from "./endpoints.ts";

/** What stands where a token is to be put. */
export const TOKEN_PLACEHOLDER = "<proxy token>";
/** What stands where the provider's own key is to be put. */
const KEY_PLACEHOLDER = "<key for the provider>";
/** What stands where nobody can know the model. */
const MODEL_PLACEHOLDER = "<model>";
/** What stands where the authority's file is to be put. */
export const AUTHORITY_PLACEHOLDER = "/path/to/ca.pem";

/** What the proxy is, as far as its clients' settings depend on it. */
export interface Connectable {
  readonly endpoints: readonly ConnectEndpoint[];
  readonly defaultEndpoint: string | undefined;
  /** Clients have to present a token. */
  readonly asksToken: boolean;
  /** Its certificate is by an authority that clients do not know by themselves. */
  readonly hasSelfSignedRoot: boolean;
}

/** What the settings are for. */
export interface Wanted {
  /** One of `CLIENTS`. */
  readonly client: string;
  /** By name; undefined: the first that speaks as the client does. */
  readonly endpoint: string | undefined;
  /** The proxy's own address, like `http://192.168.1.20:33000`. */
  readonly url: string;
  readonly token: string | undefined;
  /** The authority's file on the client's machine, where it is known. */
  readonly authority?: string | undefined;
}

/** Settings, ready to be pasted. */
export interface Settings {
  readonly title: string;
  readonly endpoint: string;
  readonly endpointUrl: string;
  readonly pieces: readonly Piece[];
  /** What has to be known besides. */
  readonly notes: readonly string[];
}

/** Why there are no settings, in words for people. */
export class NoSettings extends Error {
  override readonly name = "NoSettings";
  readonly reason: "client" | "endpoint" | "dialect";

  constructor(reason: NoSettings["reason"], message: string) {
    super(message);
    this.reason = reason;
  }
}

/** The settings of a client. Throws {@link NoSettings}. */
export function settingsFor(
  proxy: Connectable,
  { client: name, endpoint: wanted, url, token = TOKEN_PLACEHOLDER, authority }: Wanted,
): Settings {
  const client = clientOf(name);
  if (client === undefined) throw new NoSettings("client", `No client is known as ${JSON.stringify(name)}.`);
  const endpoint = chooseEndpoint(proxy, client, wanted);
  const dialect = client.dialects.find((one) => one === endpoint.provider) ?? client.dialects[0] ?? "openai";
  const endpointUrl = `${url.replace(/\/+$/, "")}/${endpoint.name}`;
  const isSecure = url.startsWith("https:");
  const facts = {
    endpointUrl,
    endpoint: endpoint.name,
    dialect,
    key: endpoint.passesKeyOn ? KEY_PLACEHOLDER : token,
    proxyAuthorization: endpoint.passesKeyOn && proxy.asksToken ? `Bearer ${token}` : undefined,
    model: modelToBeginWith(endpoint, dialect) ?? MODEL_PLACEHOLDER,
    hasResponses: endpoint.hasResponses,
    authority: isSecure
      ? authority ?? (proxy.hasSelfSignedRoot ? AUTHORITY_PLACEHOLDER : undefined)
      : undefined,
  };
  const speaks = client.dialects.includes(endpoint.provider) || endpoint.provider === "generic";
  const notes = [
    ...(client.notes?.(facts) ?? []),
    ...(speaks ? [] : [
      `${client.title} speaks ${
        client.dialects.join(" or ")
      }; the endpoint ${endpoint.name} speaks ${endpoint.provider}: this works only where it understands both.`,
    ]),
    ...(endpoint.passesKeyOn ? [passNote(client, endpoint, facts.proxyAuthorization)] : []),
    ...(facts.authority === undefined
      ? []
      : [`${facts.authority} is the file ca.pem of the proxy's data/tls, copied to the client's machine.`]),
  ];
  return { title: client.title, endpoint: endpoint.name, endpointUrl, pieces: client.pieces(facts), notes };
}

function passNote(
  { title, takesHeader }: Client,
  { name }: ConnectEndpoint,
  proxyAuthorization: string | undefined,
): string {
  const passes = `The endpoint ${name} passes the client's own key on: put the provider's key in`;
  if (proxyAuthorization === undefined) return `${passes}.`;
  return takesHeader
    ? `${passes}. The proxy's token is sent in Proxy-Authorization.`
    : `${passes}. The proxy's token has to be sent as "Proxy-Authorization: Bearer …", and no setting of ${title} is known that does so.`;
}

function chooseEndpoint(
  { endpoints, defaultEndpoint }: Connectable,
  { title, dialects, prefers }: Client,
  name: string | undefined,
): ConnectEndpoint {
  const names = endpoints.map((endpoint) => endpoint.name).join(", ");
  const byName = (wanted: string) => endpoints.find((endpoint) => endpoint.name === wanted);
  if (name !== undefined) {
    const named = byName(name);
    if (named !== undefined) return named;
    throw new NoSettings("endpoint", `There is no endpoint ${JSON.stringify(name)}. There are: ${names}`);
  }
  const speaks = (dialect: Provider) => {
    const speaking = endpoints.filter(({ provider }) => provider === dialect);
    return speaking.find((endpoint) => endpoint.name === defaultEndpoint) ?? speaking[0];
  };
  const preferred = prefers === undefined ? undefined : byName(prefers);
  const found = preferred ?? dialects.map(speaks).find((endpoint) => endpoint !== undefined) ??
    (dialects.includes("openai") ? speaks("generic") : undefined);
  if (found !== undefined) return found;
  throw new NoSettings(
    "dialect",
    `${title} speaks ${dialects.join(" or ")}, and no endpoint does. There are: ${names}.`,
  );
}
