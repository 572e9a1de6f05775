import { lanAddresses, serverUrls } from "../config/server_urls.ts";
import { processSources } from "../config/sources/env.ts";
import { loadConfig } from "../config/load.ts";
import { PRESET_NAMES } from "../config/values/presets.ts";
import { ConfigError } from "../config/problem.ts";
import type { Flags } from "../config/read/resolver.ts";
import type { ServerConfig } from "../config/config.ts";
import { closestName } from "../config/values/suggest.ts";
import { TOKEN_VARIABLE } from "../connect/client.ts";
import { CLIENT_NAMES, clientOf } from "../connect/clients.ts";
import { configuredEndpoint, type ConnectEndpoint, namedEndpoint } from "../connect/endpoints.ts";
import { type ClientSettings, type Connectable, NoSettingsError, settingsFor } from "../connect/settings.ts";
import { hasSelfSignedRoot } from "../tls/self_signed_root.ts";
import { CommandError } from "./command_error.ts";
import { writeResult } from "./output.ts";

/** The options of `llm-proxy connect`. */
export interface ConnectOptions {
  readonly token?: string;
  readonly url?: string;
  readonly endpoint?: string;
  /** The path of the authority's certificate on the machine of the client. */
  readonly ca?: string;
  /** Whether the endpoint forwards the client's own key. It counts only if there is no configuration. */
  readonly passthrough?: true;
}

/** Prints the settings that make a client use this proxy: `llm-proxy connect CLIENT`. */
export async function connect(name: string, options: ConnectOptions, flags: Flags = {}): Promise<void> {
  if (clientOf(name) === undefined) {
    const near = closestName(name, CLIENT_NAMES);
    const hint = near === undefined ? "" : ` Did you mean ${near}?`;
    throw new CommandError(
      `There is no client ${JSON.stringify(name)}.${hint}\nThe clients are ${CLIENT_NAMES.join(", ")}.`,
      2,
    );
  }
  const { proxy, url, proxyNotes } = await findProxy(options, flags);
  const settings = mapNoSettings(() =>
    settingsFor(proxy, {
      client: name,
      endpoint: options.endpoint,
      url,
      token: options.token ?? (processSources.get(TOKEN_VARIABLE) || undefined),
      authority: options.ca && absolute(options.ca),
    })
  );
  const notes = [...settings.notes, ...proxyNotes];
  writeResult({ client: name, title: settings.title, pieces: settings.pieces, notes }, () => {
    const pieces = settings.pieces.map(({ where, text }) => `# ${settings.title}: ${where}\n${text}\n`);
    const lines = notes.map((line) => `# ${line}\n`);
    return pieces.join("\n") + (lines.length > 0 ? `\n${lines.join("")}` : "");
  });
}

interface KnownProxy {
  readonly proxy: Connectable;
  readonly url: string;
  readonly proxyNotes: readonly string[];
}

/**
 * Returns the proxy of the local configuration. Without a valid configuration, returns the proxy that `--url`
 * names.
 */
async function findProxy(options: ConnectOptions, flags: Flags): Promise<KnownProxy> {
  try {
    const { config: { server, auth, endpoints, defaultEndpoint } } = await loadConfig(processSources, flags);
    const proxy = {
      endpoints: endpoints.map(configuredEndpoint),
      defaultEndpoint,
      needsToken: auth.mode === "token",
      hasSelfSignedRoot: server.tls !== undefined && await hasSelfSignedRoot(server.tls.cert),
    };
    return { proxy, url: options.url ?? ownUrl(server), proxyNotes: [] };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    if (options.url !== undefined) return remoteProxy(options.url, options);
    throw new CommandError(
      "There is no valid configuration here; llm-proxy check prints the problems.\n" +
        "On another machine, name the address of the proxy: --url http://PROXY:33000",
      2,
    );
  }
}

/** Returns a proxy on another machine. Its endpoints are guessed from the names of known providers. */
function remoteProxy(url: string, { endpoint: wanted, ca, passthrough }: ConnectOptions): KnownProxy {
  const forwardsClientKey = passthrough === true;
  const known = [wanted ?? [], PRESET_NAMES].flat().filter((name) => name !== "generic");
  const endpoints = known.flatMap((name) => namedEndpoint(name, { forwardsClientKey }) ?? []);
  if (wanted !== undefined && !endpoints.some(({ name }) => name === wanted)) {
    endpoints.unshift(unknownEndpoint(wanted, forwardsClientKey));
  }
  const guess = wanted === undefined
    ? [
      "The name of the endpoint is a guess, because there is no configuration here. To change it: --endpoint NAME",
    ]
    : [];
  const trust = url.startsWith("https:") && ca === undefined
    ? [
      "If llm-proxy tls init created the proxy's certificate, name its ca.pem with --ca FILE.",
    ]
    : [];
  return {
    url,
    proxy: { endpoints, defaultEndpoint: "openai", needsToken: true, hasSelfSignedRoot: false },
    proxyNotes: [...guess, ...trust],
  };
}

/** Returns an endpoint with an unknown name, which may speak any dialect. */
function unknownEndpoint(name: string, forwardsClientKey: boolean): ConnectEndpoint {
  return {
    name,
    dialect: "generic",
    model: undefined,
    preset: "generic",
    hasResponses: false,
    forwardsClientKey,
  };
}

/** Runs `work`, and turns a {@link NoSettingsError} into a {@link CommandError}. */
function mapNoSettings(work: () => ClientSettings): ClientSettings {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof NoSettingsError)) throw error;
    const hint = error.reason === "dialect" ? " To use an endpoint anyway: --endpoint NAME" : "";
    throw new CommandError(error.message + hint, error.reason === "endpoint" ? 2 : 1);
  }
}

/** Returns the URL of this proxy for other machines, with HTTPS if it is configured. */
function ownUrl(server: ServerConfig): string {
  const urls = serverUrls(server, { port: server.port, lanAddresses: lanAddresses() });
  return urls.find((url) => url.startsWith("https:")) ?? urls[0] ?? "http://localhost";
}

/** Returns the absolute path of a file on this machine, because clients start in other folders. */
function absolute(path: string): string {
  try {
    return Deno.realPathSync(path);
  } catch {
    return path; // the file is on the client's machine
  }
}
