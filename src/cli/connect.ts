import { lanAddresses, serverUrls } from "../addresses.ts";
import { processSources } from "../config/env.ts";
import { loadConfig } from "../config/load.ts";
import type { Flags } from "../config/resolver.ts";
import type { ServerConfig } from "../config/schema.ts";
import { nearest } from "../config/suggest.ts";
import { CLIENT_NAMES, clientOf } from "../connect/clients.ts";
import { NoSettings, type Settings, settingsFor } from "../connect/settings.ts";
import { CommandError } from "./command_error.ts";
import { writeOut } from "./output.ts";

/** What `llm-proxy connect` takes besides the client. */
export interface ConnectOptions {
  readonly token?: string;
  readonly url?: string;
  readonly endpoint?: string;
}

/** `llm-proxy connect <client>`: prints the settings under which a client uses this proxy. */
export async function connect(name: string, options: ConnectOptions, flags: Flags = {}): Promise<void> {
  if (clientOf(name) === undefined) {
    const near = nearest(name, CLIENT_NAMES);
    const hint = near === undefined ? "" : ` Did you mean ${near}?`;
    throw new CommandError(
      `No client is known as ${JSON.stringify(name)}.${hint}\nKnown: ${CLIENT_NAMES.join(", ")}`,
      2,
    );
  }
  const { config: { server, auth, endpoints, defaultEndpoint } } = await loadConfig(processSources, flags);
  const settings = explained(() =>
    settingsFor({ endpoints, defaultEndpoint, asksToken: auth.mode === "token" }, {
      client: name,
      endpoint: options.endpoint,
      url: options.url ?? ownUrl(server),
      token: options.token,
    })
  );
  const notes = settings.notes.map((note) => `# ${note}\n`).join("");
  writeOut(`# ${settings.title}: ${settings.where}\n${settings.text}\n${notes}`);
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

/** Where other machines reach this proxy, by its configuration. */
function ownUrl(server: ServerConfig): string {
  const [url] = serverUrls(server, { port: server.port, lanAddresses: lanAddresses() });
  return url ?? "http://localhost";
}
