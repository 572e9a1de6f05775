/** The texts of the files that a plan needs. */

import { DEFAULT_DATABASE_URL, DEFAULT_PORT } from "../../config/values/defaults.ts";
import {
  baseUrlVariable,
  ENVIRONMENT_ENDPOINTS,
  keyVariable,
  type Preset,
  PRESETS,
} from "../../config/values/presets.ts";
import { CommandError } from "../command_error.ts";
import { randomKey, randomToken } from "../generate.ts";
import { type CertificateFile, certificatePaths } from "../tls/certificate_files.ts";
import type { ChosenProvider, Plan } from "./plan.ts";

/** A file that is not written yet: its path, text and mode. */
export interface Draft {
  /** The path relative to the folder of the plan. */
  readonly path: string;
  readonly text: string;
  readonly mode: number;
}

/** The default folder of `llm-proxy tls init`. */
export const TLS_FOLDER = "data/tls";
const OWNER_ONLY = 0o600;
/** The first line of `.env`. */
const HEADING =
  "# `llm-proxy init` wrote this file. It contains secrets: keep it private, and do not commit it.\n";
const HTTPS_PORT = 33_443;

/**
 * Returns the files of a plan: `.env`, a new certificate, and `config.toml` for endpoints that variables
 * cannot configure.
 */
export function draftsOf(plan: Plan, certificate: readonly CertificateFile[]): Draft[] {
  const needsFile = plan.providers.some(({ name }) => ENVIRONMENT_ENDPOINTS[name] === undefined);
  return [
    { path: ".env", text: environmentText(plan, needsFile), mode: OWNER_ONLY },
    ...(needsFile ? [{ path: "config.toml", text: fileText(plan), mode: OWNER_ONLY }] : []),
    ...certificate,
  ];
}

function environmentText(plan: Plan, needsFile: boolean): string {
  const { providers, port, https, access } = plan;
  const blocks = [
    HEADING,
    needsFile
      ? block("The keys of the providers in config.toml.", keysOf(providers))
      : block("The providers, their base URLs and their keys.", {
        ENDPOINTS: providers.map(({ name }) => name).join(","),
        ...Object.assign({}, ...providers.map(baseAndKey)),
      }),
    access === "one token"
      ? block("The token that clients use as their API key.", { PROXY_TOKEN: randomToken() })
      : block(
        "Managed tokens. MANAGEMENT_TOKEN opens /admin and /manage, which are on ADMIN_PORT.\n" +
          "# ENCRYPTION_KEY encrypts the provider keys in the database. Keep it for backups of the database.",
        {
          MANAGEMENT_TOKEN: randomToken(),
          ADMIN_PORT: String(port + 1),
          DATABASE_URL: DEFAULT_DATABASE_URL,
          ENCRYPTION_KEY: randomKey(),
        },
      ),
    ...(port === DEFAULT_PORT ? [] : [block("The port to listen on.", { PORT: String(port) })]),
    ...(https ? [httpsBlock()] : []),
  ];
  return blocks.filter((text) => text !== "").join("\n");
}

function httpsBlock(): string {
  const { certificate, key } = certificatePaths(TLS_FOLDER);
  return block(
    "HTTPS on a second port. Without HTTPS_PORT, the proxy serves only HTTPS, on PORT.",
    {
      TLS_CERT_FILE: certificate,
      TLS_KEY_FILE: key,
      HTTPS_PORT: String(HTTPS_PORT),
    },
  );
}

function keysOf(providers: readonly ChosenProvider[]): Record<string, string> {
  return Object.fromEntries(
    providers.flatMap(({ name, key }) => key === undefined ? [] : [[keyVariable(name), key]]),
  );
}

function baseAndKey({ name, baseUrl, key = "" }: ChosenProvider): Record<string, string> {
  return { [baseUrlVariable(name)]: baseUrl, [keyVariable(name)]: key };
}

/** Returns a comment with variables below it. Empty if there are no variables. */
function block(heading: string, variables: Readonly<Record<string, string>>): string {
  const lines = Object.entries(variables).map(([name, value]) => `${name}=${envValue(name, value)}\n`);
  return lines.length === 0 ? "" : `# ${heading}\n${lines.join("")}`;
}

/**
 * Returns a value for `.env`. It is in quotes if a shell or Docker Compose would interpret one of its
 * characters.
 */
function envValue(name: string, value: string): string {
  if (/^[\w.\-:/+=@,%]*$/.test(value)) return value;
  const quote = ["'", "`", '"'].find((one) => !value.includes(one));
  if (quote !== undefined) return quote + value + quote;
  throw new CommandError(`${name}: .env cannot hold a value with all three kinds of quotes.`);
}

function fileText({ providers }: Plan): string {
  const tables = providers.map(({ name, baseUrl, key }) => {
    const preset: Preset = PRESETS[name];
    return [
      `[endpoints.${name}]`,
      ...(preset.local !== true && preset.baseUrl === baseUrl
        ? []
        : [`base_url = ${JSON.stringify(baseUrl)}`]),
      ...(key === undefined ? [] : [`api_key = "\${${keyVariable(name)}}"`]),
      "",
    ].join("\n");
  });
  return `# \`llm-proxy init\` wrote this file. The keys are in .env. \`llm-proxy check\` prints every setting.\n\n${
    tables.join("\n")
  }`;
}
