/** The files of a plan, as texts. Nothing is written here. */

import { DEFAULT_DATABASE_URL, DEFAULT_PORT } from "../../config/values/defaults.ts";
import { ENVIRONMENT_ENDPOINTS } from "../../config/read/endpoints.ts";
import { type Preset, PRESETS } from "../../config/values/presets.ts";
import { CommandError } from "../command_error.ts";
import { randomKey, randomToken } from "../generate.ts";
import { type CertificateFile, certificatePaths } from "../tls/certificate_files.ts";
import { type ChosenProvider, keyVariable, type Plan } from "./plan.ts";

/** A file before it is written. */
export interface Draft {
  /** Relative to the plan's folder. */
  readonly path: string;
  readonly text: string;
  readonly mode: number;
}

/** Where `llm-proxy tls init` puts its files. */
export const TLS_FOLDER = "data/tls";
const OWNER_ONLY = 0o600;
const HTTPS_PORT = 33_443;

/** The files of a plan: `.env`, `config.toml` where the environment alone cannot say it, and a new certificate. */
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
    block(
      "Made by `llm-proxy init`. It holds secrets: only its owner may read it, and it is never committed.",
      {},
    ),
    needsFile
      ? block("The keys that config.toml names.", keysOf(providers))
      : block("The providers that are served, where they are, and their keys.", {
        ENDPOINTS: providers.map(({ name }) => name).join(","),
        ...Object.assign({}, ...providers.map(baseAndKey)),
      }),
    access === "one token"
      ? block("What clients present as their API key.", { PROXY_TOKEN: randomToken() })
      : block(
        "Managed tokens: what opens /admin and /manage, their own port, the database, and the key that seals\n" +
          "# the provider keys in it. A backup of the database needs the same ENCRYPTION_KEY.",
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
    "HTTPS at a second port. Without HTTPS_PORT the first one speaks HTTPS, and plain HTTP is off.",
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
  return { [`${name.toUpperCase()}_BASE_URL`]: baseUrl, [keyVariable(name)]: key };
}

/** Nothing where it would be a heading alone, unless it is meant to be one. */
function block(heading: string, variables: Readonly<Record<string, string>>): string {
  const lines = Object.entries(variables).map(([name, value]) => `${name}=${envValue(name, value)}\n`);
  return lines.length === 0 && !heading.startsWith("Made") ? "" : `# ${heading}\n${lines.join("")}`;
}

/** As `.env` files are read everywhere: what a shell or Docker Compose would act on stands in quotes. */
function envValue(name: string, value: string): string {
  if (/^[\w.\-:/+=@,%]*$/.test(value)) return value;
  const quote = ["'", "`", '"'].find((one) => !value.includes(one));
  if (quote !== undefined) return quote + value + quote;
  throw new CommandError(`${name}: a value with all three kinds of quotes cannot stand in .env.`);
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
  return `# Made by \`llm-proxy init\`. The keys stand in .env; \`llm-proxy check\` shows every setting.\n\n${
    tables.join("\n")
  }`;
}
