import { lanAddresses, serverUrls } from "../config/server_urls.ts";
import { processSources } from "../config/sources/env.ts";
import { loadConfig } from "../config/load.ts";
import { PRESET_NAMES } from "../config/values/presets.ts";
import { ConfigError } from "../config/problem.ts";
import type { Flags } from "../config/read/resolver.ts";
import type { ServerConfig } from "../config/config.ts";
import { closestName } from "../config/values/suggest.ts";
import { CLIENT_NAMES, clientOf } from "../connect/clients.ts";
import { configuredEndpoint, type ConnectEndpoint, namedEndpoint } from "../connect/endpoints.ts";
import { type Connectable, NoSettings, type Settings, settingsFor } from "../connect/settings.ts";
import { hasSelfSignedRoot } from "../tls/self_signed_root.ts";
import { CommandError } from "./command_error.ts";
import { writeAnswer } from "./output.ts";

/** What `llm-proxy connect` takes besides the client. */
export interface ConnectOptions {
  readonly token?: string;
  readonly url?: string;
  readonly endpoint?: string;
  /** The authority's file on the client's machine. */
  readonly ca?: string;
  /** The endpoint passes the client's own key on: for a proxy whose configuration is elsewhere. */
  readonly passthrough?: true;
}

/** The variable that a token may stand in, so that no shell keeps it in its history. */
const TOKEN_VARIABLE = "LLM_PROXY_TOKEN";

/** `llm-proxy connect <client>`: prints the settings under which a client uses this proxy. */
export async function connect(name: string, options: ConnectOptions, flags: Flags = {}): Promise<void> {
  if (clientOf(name) === undefined) {
    const near = closestName(name, CLIENT_NAMES);
    const hint = near === undefined ? "" : ` Did you mean ${near}?`;
    throw new CommandError(
      `No client is known as ${JSON.stringify(name)}.${hint}\nKnown: ${CLIENT_NAMES.join(", ")}`,
      2,
    );
  }
  const { proxy, url, note } = await proxyOf(options, flags);
  const settings = explained(() =>
    settingsFor(proxy, {
      client: name,
      endpoint: options.endpoint,
      url,
      token: options.token ?? (processSources.get(TOKEN_VARIABLE) || undefined),
      authority: options.ca && absolute(options.ca),
    })
  );
  const notes = [...settings.notes, ...note];
  writeAnswer({ client: name, title: settings.title, pieces: settings.pieces, notes }, () => {
    const pieces = settings.pieces.map(({ where, text }) => `# ${settings.title}: ${where}\n${text}\n`);
    const lines = notes.map((line) => `# ${line}\n`);
    return pieces.join("\n") + (lines.length > 0 ? `\n${lines.join("")}` : "");
  });
}

interface KnownProxy {
  readonly proxy: Connectable;
  readonly url: string;
  readonly note: readonly string[];
}

/** The proxy of the configuration that is here; else, with `--url`, one elsewhere, of which the names are known. */
async function proxyOf(options: ConnectOptions, flags: Flags): Promise<KnownProxy> {
  try {
    const { config: { server, auth, endpoints, defaultEndpoint } } = await loadConfig(processSources, flags);
    const proxy = {
      endpoints: endpoints.map(configuredEndpoint),
      defaultEndpoint,
      asksToken: auth.mode === "token",
      hasSelfSignedRoot: server.tls !== undefined && hasSelfSignedRoot(server.tls.cert),
    };
    return { proxy, url: options.url ?? ownUrl(server), note: [] };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    if (options.url !== undefined) return elsewhere(options.url, options);
    throw new CommandError(
      "There is no configuration here that can be used (llm-proxy check says why). On another machine than the " +
        "proxy's, give the proxy's address: --url http://PROXY:33000.",
      2,
    );
  }
}

/** A proxy whose configuration is on another machine. */
function elsewhere(url: string, { endpoint: wanted, ca, passthrough }: ConnectOptions): KnownProxy {
  const passesKeyOn = passthrough === true;
  const known = [wanted ?? [], PRESET_NAMES].flat().filter((name) => name !== "generic");
  const endpoints = known.flatMap((name) => namedEndpoint(name, { passesKeyOn }) ?? []);
  if (wanted !== undefined && !endpoints.some(({ name }) => name === wanted)) {
    endpoints.unshift(unknownEndpoint(wanted, passesKeyOn));
  }
  const guess = wanted === undefined
    ? [
      "The endpoint's name is a guess, since the proxy's configuration is not here: --endpoint takes another.",
    ]
    : [];
  const trust = url.startsWith("https:") && ca === undefined
    ? [
      "If the proxy's certificate is by its own authority (llm-proxy tls init), --ca <file> names its ca.pem.",
    ]
    : [];
  return {
    url,
    proxy: { endpoints, defaultEndpoint: "openai", asksToken: true, hasSelfSignedRoot: false },
    note: [...guess, ...trust],
  };
}

/** Of which only the name is known: it may speak what the client does. */
function unknownEndpoint(name: string, passesKeyOn: boolean): ConnectEndpoint {
  return { name, provider: "generic", model: undefined, preset: "generic", hasResponses: false, passesKeyOn };
}

function explained(work: () => Settings): Settings {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof NoSettings)) throw error;
    const hint = error.reason === "dialect" ? " --endpoint <name> takes one all the same." : "";
    throw new CommandError(error.message + hint, error.reason === "endpoint" ? 2 : 1);
  }
}

/** Where other machines reach this proxy, by its configuration: by HTTPS where it speaks it. */
function ownUrl(server: ServerConfig): string {
  const urls = serverUrls(server, { port: server.port, lanAddresses: lanAddresses() });
  return urls.find((url) => url.startsWith("https:")) ?? urls[0] ?? "http://localhost";
}

/** A file that is here, by its whole path; clients start in other folders. */
function absolute(path: string): string {
  try {
    return Deno.realPathSync(path);
  } catch {
    return path; // it is on the client's machine
  }
}
