/** The steps that the user can take after `llm-proxy init`. */

import { adminUrls, lanAddresses, serverUrls } from "../../config/server_urls.ts";
import type { Config } from "../../config/config.ts";
import { TOKEN_VARIABLE } from "../../connect/client.ts";
import { configuredEndpoint } from "../../connect/endpoints.ts";
import { type Connectable, NoSettingsError, settingsFor } from "../../connect/settings.ts";
import { shellWord } from "../../text/shell_word.ts";
import { hasSelfSignedRoot } from "../../tls/self_signed_root.ts";
import { ownCommand } from "../own_command.ts";
import { certificatePaths } from "../tls/certificate_files.ts";
import { TLS_FOLDER } from "./drafts.ts";
import type { Plan } from "./plan.ts";

/** The clients that are suggested if an endpoint speaks their dialect. */
const CLIENTS = [
  "claude-code",
  "codex",
  "gemini-cli",
  "opencode",
  "open-webui",
  "openai-sdk",
  "anthropic-sdk",
];
const MOST_CLIENTS = 4;

/**
 * Returns the next three commands, and commands that print the settings of clients. They contain no secret.
 */
export async function nextSteps(plan: Plan, config: Config): Promise<string> {
  const isHere = plan.folder.replace(/[/\\]+$/, "") === ".";
  const own = ownCommand({ isHere });
  const listening = { port: config.server.port, lanAddresses: lanAddresses() };
  const [url = ""] = serverUrls(config.server, listening);
  const admin = plan.access === "managed tokens" ? adminUrls(config.server, listening)[0] : undefined;
  const proxy = await connectable(config);
  const rows = [
    [own, `Start the proxy at ${url}; Ctrl-C stops it.`],
    ...tokenCommand(plan, own),
    [curl(config, proxy), "Send the first request."],
  ].map(([command, why]) => `  # ${why}\n  ${command}\n`);
  return `Next:

${isHere ? "" : `  cd ${shellWord(plan.folder)}\n\n`}${rows.join("\n")}
Print the settings of clients, with the token in them:

${clientsOf(proxy).map((name) => `  ${own} connect ${name}\n`).join("")}
If something does not work: ${own} doctor${
    admin === undefined ? "" : `\nThe admin page is at ${admin}; sign in with MANAGEMENT_TOKEN of .env.`
  }\n`;
}

function tokenCommand({ access }: Plan, own: string): string[][] {
  if (access === "managed tokens") {
    return [[
      `${own} project create home && ${own} token create me --project home`,
      `In a second terminal, in the same folder: create a token, and put it into ${TOKEN_VARIABLE}.`,
    ]];
  }
  if (Deno.build.os === "windows") {
    return [["notepad .env", "Clients use PROXY_TOKEN as their API key."]];
  }
  return [[
    `export ${TOKEN_VARIABLE}=$(sed -n 's/^PROXY_TOKEN=//p' .env)`,
    "In a second terminal, in the same folder: set the token that clients use as their API key.",
  ]];
}

function curl(config: Config, proxy: Connectable): string {
  const { port, httpsPort, tls } = config.server;
  const authority = tls === undefined ? undefined : certificatePaths(TLS_FOLDER).authority;
  const url = tls === undefined ? `http://localhost:${port}` : `https://localhost:${httpsPort ?? port}`;
  const token = `$${TOKEN_VARIABLE}`;
  const settings = settingsFor(proxy, {
    client: "curl",
    endpoint: config.endpoints[0]?.name,
    url,
    token,
    authority,
  });
  const text = settings.pieces.map((piece) => piece.text).join("\n");
  // A shell replaces a variable inside double quotes, but not inside single quotes.
  return text.replace(/'([^']*)'/g, (quoted, inner: string) => inner.endsWith(token) ? `"${inner}"` : quoted);
}

function clientsOf(proxy: Connectable): string[] {
  return CLIENTS.filter((client) => {
    try {
      settingsFor(proxy, { client, endpoint: undefined, url: "http://localhost", token: undefined });
      return true;
    } catch (error) {
      if (error instanceof NoSettingsError) return false;
      throw error;
    }
  }).slice(0, MOST_CLIENTS);
}

async function connectable({ endpoints, defaultEndpoint, auth, server }: Config): Promise<Connectable> {
  return {
    endpoints: endpoints.map(configuredEndpoint),
    defaultEndpoint,
    needsToken: auth.mode === "token",
    hasSelfSignedRoot: server.tls !== undefined && await hasSelfSignedRoot(server.tls.cert),
  };
}
