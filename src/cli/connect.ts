import { processSources } from "../config/env.ts";
import { loadConfig } from "../config/load.ts";
import type { Flags } from "../config/resolver.ts";
import type { Config, Endpoint, Provider } from "../config/schema.ts";
import { nearest } from "../config/suggest.ts";
import { CLIENT_NAMES, clientOf } from "../connect/clients.ts";
import { lanAddresses, serverUrls } from "./banner.ts";
import { CommandError } from "./command_error.ts";
import { writeOut } from "./output.ts";

/** What `llm-proxy connect` takes besides the client. */
export interface ConnectOptions {
  readonly token?: string;
  readonly url?: string;
  readonly endpoint?: string;
}

const PLACEHOLDER = "<proxy token>";
/** To begin with, where a client wants a model in its settings. */
const MODELS: Record<Provider, string> = {
  openai: "gpt-4o-mini",
  anthropic: "claude-sonnet-4-5",
  gemini: "gemini-2.5-flash",
  generic: "<model>",
};

/** `llm-proxy connect <client>`: prints the settings under which a client uses this proxy. */
export async function connect(name: string, options: ConnectOptions, flags: Flags = {}): Promise<void> {
  const client = clientOf(name);
  if (client === undefined) {
    const near = nearest(name, CLIENT_NAMES);
    const hint = near === undefined ? "" : ` Did you mean ${near}?`;
    throw new CommandError(
      `No client is known as ${JSON.stringify(name)}.${hint}\nKnown: ${CLIENT_NAMES.join(", ")}`,
      2,
    );
  }
  const { config } = await loadConfig(processSources, flags);
  const endpoint = chooseEndpoint(config, client.dialects, { name: options.endpoint, title: client.title });
  const dialect = client.dialects.find((one) => one === endpoint.provider) ?? client.dialects[0] ?? "openai";
  const url = (options.url ?? ownUrl(config)).replace(/\/+$/, "");
  const { where, text } = client.snippet({
    endpointUrl: `${url}/${endpoint.name}`,
    token: options.token ?? PLACEHOLDER,
    model: endpoint.backends[0]?.model?.otherwise ?? MODELS[dialect],
  }, dialect);
  const isPassthrough = endpoint.backends.some(({ key }) => key.mode === "passthrough");
  const notes = [
    ...(client.note === undefined ? [] : [client.note]),
    ...(isPassthrough && config.auth.mode === "token"
      ? [
        `The endpoint ${endpoint.name} has no key of its own: put the provider's key where the token stands, and send the token as "Proxy-Authorization: Bearer …".`,
      ]
      : []),
  ];
  writeOut(`# ${client.title}: ${where}\n${text}\n${notes.map((note) => `# ${note}\n`).join("")}`);
}

function chooseEndpoint(
  { endpoints, defaultEndpoint }: Config,
  dialects: readonly Provider[],
  { name, title }: { name: string | undefined; title: string },
): Endpoint {
  const names = endpoints.map((endpoint) => endpoint.name).join(", ");
  if (name !== undefined) {
    const named = endpoints.find((endpoint) => endpoint.name === name);
    if (named !== undefined) return named;
    throw new CommandError(`There is no endpoint ${JSON.stringify(name)}. There are: ${names}`, 2);
  }
  const speaks = (dialect: Provider) => {
    const speaking = endpoints.filter(({ provider }) => provider === dialect);
    return speaking.find((endpoint) => endpoint.name === defaultEndpoint) ?? speaking[0];
  };
  const found = dialects.map(speaks).find((endpoint) => endpoint !== undefined) ??
    (dialects.includes("openai") ? speaks("generic") : undefined);
  if (found !== undefined) return found;
  throw new CommandError(
    `${title} speaks ${
      dialects.join(" or ")
    }, and no endpoint does. There are: ${names}. --endpoint <name> takes one all the same.`,
  );
}

/** Where other machines reach this proxy, by its configuration. */
function ownUrl(config: Config): string {
  const [url] = serverUrls(config, { port: config.server.port, lanAddresses: lanAddresses() });
  return url ?? "http://localhost";
}
