/** What a person types next. */

import { adminUrls, lanAddresses, serverUrls } from "../../config/server_urls.ts";
import type { Config } from "../../config/config.ts";
import { configuredEndpoint } from "../../connect/endpoints.ts";
import { type Connectable, NoSettings, settingsFor } from "../../connect/settings.ts";
import { shellWord } from "../../text/shell_word.ts";
import { hasSelfSignedRoot } from "../../tls/self_signed_root.ts";
import { ownCommand } from "../own_command.ts";
import { certificatePaths } from "../tls.ts";
import { TLS_FOLDER } from "./drafts.ts";
import type { Plan } from "./plan.ts";

/** `llm-proxy connect` reads it. */
const TOKEN_VARIABLE = "LLM_PROXY_TOKEN";
/** Those that are named, where an endpoint speaks as they do. */
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

/** The next three commands, and those that print settings of clients. Holds no secret. */
export function nextSteps(plan: Plan, config: Config): string {
  const isHere = plan.folder.replace(/[/\\]+$/, "") === ".";
  const own = ownCommand({ isHere });
  const listening = { port: config.server.port, lanAddresses: lanAddresses() };
  const [url = ""] = serverUrls(config.server, listening);
  const admin = plan.access === "managed tokens" ? adminUrls(config.server, listening)[0] : undefined;
  const rows = [
    [own, `serves at ${url} until Ctrl-C`],
    ...tokenCommand(plan, own),
    [curl(config), "the first answer"],
  ].map(([command, why]) => `  # ${why}\n  ${command}\n`);
  return `Next:

${isHere ? "" : `  cd ${shellWord(plan.folder)}\n\n`}${rows.join("\n")}
Settings of clients, with that token in them:

${clientsOf(config).map((name) => `  ${own} connect ${name}\n`).join("")}
${own} doctor explains what does not work.${
    admin === undefined ? "" : `\nThe admin page: ${admin}; MANAGEMENT_TOKEN in .env opens it.`
  }\n`;
}

function tokenCommand({ access }: Plan, own: string): string[][] {
  if (access === "managed tokens") {
    return [[
      `${own} project create home && ${own} token create me --project home`,
      `in a second terminal, in the same folder; put the token that it shows once into ${TOKEN_VARIABLE}`,
    ]];
  }
  if (Deno.build.os === "windows") {
    return [["notepad .env", "PROXY_TOKEN is what clients present as their API key"]];
  }
  return [[
    `export ${TOKEN_VARIABLE}=$(sed -n 's/^PROXY_TOKEN=//p' .env)`,
    "in a second terminal, in the same folder: what clients present as their API key",
  ]];
}

function curl(config: Config): string {
  const { port, httpsPort, tls } = config.server;
  const authority = tls === undefined ? undefined : certificatePaths(TLS_FOLDER).authority;
  const url = tls === undefined ? `http://localhost:${port}` : `https://localhost:${httpsPort ?? port}`;
  const settings = settingsFor(connectable(config), {
    client: "curl",
    endpoint: config.endpoints[0]?.name,
    url,
    token: `$${TOKEN_VARIABLE}`,
    authority,
  });
  const text = settings.pieces.map((piece) => piece.text).join("\n");
  // Within double quotes a shell puts the variable's value in.
  return text.replace(/'([^']*\$LLM_PROXY_TOKEN)'/g, '"$1"');
}

function clientsOf(config: Config): string[] {
  const proxy = connectable(config);
  return CLIENTS.filter((client) => {
    try {
      settingsFor(proxy, { client, endpoint: undefined, url: "http://localhost", token: undefined });
      return true;
    } catch (error) {
      if (error instanceof NoSettings) return false;
      throw error;
    }
  }).slice(0, MOST_CLIENTS);
}

function connectable({ endpoints, defaultEndpoint, auth, server }: Config): Connectable {
  return {
    endpoints: endpoints.map(configuredEndpoint),
    defaultEndpoint,
    asksToken: auth.mode === "token",
    hasSelfSignedRoot: server.tls !== undefined && hasSelfSignedRoot(server.tls.cert),
  };
}
