/** Which endpoint a client uses, and its settings for it: what the command line and the admin page show. */

import type { Endpoint, Provider } from "../config/schema.ts";
import { type Client, clientOf, type Snippet } from "./clients.ts";

/** What stands where a token is to be put. */
export const TOKEN_PLACEHOLDER = "<proxy token>";

/** What the proxy is, as far as its clients' settings depend on it. */
export interface Connectable {
  readonly endpoints: readonly Endpoint[];
  readonly defaultEndpoint: string | undefined;
  /** Clients have to present a token. */
  readonly asksToken: boolean;
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
}

/** Settings, ready to be pasted. */
export interface Settings extends Snippet {
  readonly title: string;
  readonly endpoint: string;
  readonly endpointUrl: string;
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

/** What stands where nobody can know the model. */
const MODEL_PLACEHOLDER = "<model>";

/** To begin with. */
const MODELS: Readonly<Record<Provider, string | undefined>> = {
  openai: "gpt-4o-mini",
  anthropic: "claude-sonnet-4-5",
  gemini: "gemini-2.5-flash",
  generic: undefined,
};

/** The model to begin with at an endpoint, in its own dialect or another. Undefined: nobody can know one. */
export function modelToBeginWith(
  { backends, provider }: Endpoint,
  dialect: Provider = provider,
): string | undefined {
  return backends[0]?.model?.otherwise ?? MODELS[dialect];
}

/** The settings of a client. Throws {@link NoSettings}. */
export function settingsFor(
  proxy: Connectable,
  { client: name, endpoint: wanted, url, token }: Wanted,
): Settings {
  const client = clientOf(name);
  if (client === undefined) throw new NoSettings("client", `No client is known as ${JSON.stringify(name)}.`);
  const endpoint = chooseEndpoint(proxy, client, wanted);
  const dialect = client.dialects.find((one) => one === endpoint.provider) ?? client.dialects[0] ?? "openai";
  const endpointUrl = `${url.replace(/\/+$/, "")}/${endpoint.name}`;
  const snippet = client.snippet({
    endpointUrl,
    token: token ?? TOKEN_PLACEHOLDER,
    model: modelToBeginWith(endpoint, dialect) ?? MODEL_PLACEHOLDER,
  }, dialect);
  const isPassthrough = endpoint.backends.some(({ key }) => key.mode === "passthrough");
  const speaks = client.dialects.includes(endpoint.provider) || endpoint.provider === "generic";
  const notes = [
    ...(client.note === undefined ? [] : [client.note]),
    ...(speaks ? [] : [
      `${client.title} speaks ${
        client.dialects.join(" or ")
      }; the endpoint ${endpoint.name} speaks ${endpoint.provider}: this works only where it understands both.`,
    ]),
    ...(isPassthrough && proxy.asksToken
      ? [
        `The endpoint ${endpoint.name} has no key of its own: put the provider's key where the token stands, and send the token as "Proxy-Authorization: Bearer …".`,
      ]
      : []),
  ];
  return { title: client.title, endpoint: endpoint.name, endpointUrl, notes, ...snippet };
}

function chooseEndpoint(
  { endpoints, defaultEndpoint }: Connectable,
  { title, dialects }: Client,
  name: string | undefined,
): Endpoint {
  const names = endpoints.map((endpoint) => endpoint.name).join(", ");
  if (name !== undefined) {
    const named = endpoints.find((endpoint) => endpoint.name === name);
    if (named !== undefined) return named;
    throw new NoSettings("endpoint", `There is no endpoint ${JSON.stringify(name)}. There are: ${names}`);
  }
  const speaks = (dialect: Provider) => {
    const speaking = endpoints.filter(({ provider }) => provider === dialect);
    return speaking.find((endpoint) => endpoint.name === defaultEndpoint) ?? speaking[0];
  };
  const found = dialects.map(speaks).find((endpoint) => endpoint !== undefined) ??
    (dialects.includes("openai") ? speaks("generic") : undefined);
  if (found !== undefined) return found;
  throw new NoSettings(
    "dialect",
    `${title} speaks ${dialects.join(" or ")}, and no endpoint does. There are: ${names}.`,
  );
}
