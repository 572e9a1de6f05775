/** Writes a draft as a configuration file with comments. */

import { stringify } from "smol-toml";
import { presetNamed, PRESETS } from "../../config/values/presets.ts";
import { matchesAny } from "../../text/glob.ts";
import { harmlessText } from "../../text/harmless_text.ts";
import { compact, type Draft, type DraftEndpoint, type DraftRoute, literal } from "./draft.ts";

/** The longest line of a comment, in characters. */
const MAX_LINE = 1_000;
/** The widest first column, in characters. If a name is longer, only its own line is wider. */
const MAX_COLUMN = 60;

/** The file from which a draft was made, and notes about what was left out. */
export interface Origin {
  /** The name of the program, as people write it. */
  readonly program: string;
  readonly file: string;
  /** Notes about what the import left out or changed, each with its place in the file. */
  readonly notes: readonly string[];
}

/** Returns the text of the configuration file. */
export function configText(draft: Draft, origin: Origin): string {
  const [token, ...others] = draft.tokens;
  const tables = compact<Record<string, unknown>>({
    server: draft.server,
    auth: compact<Record<string, unknown>>({
      token: others.length === 0 ? token : undefined,
      tokens: others.length === 0
        ? undefined
        : draft.tokens.map((value, index) => ({ name: `client-${index + 1}`, token: value })),
      limits: draft.limits,
    }),
    management: Object.keys(draft.limits).length === 0 ? {} : { token: managementToken(draft) },
    log: draft.log,
    routes: draft.routes.length === 0 ? undefined : draft.routes.map(routeTable),
    aliases: Object.fromEntries([...draft.aliases].map(([name, to]) => [name, literal(to)])),
    endpoints: Object.fromEntries(
      draft.endpoints.map((endpoint) => [endpoint.name, endpointTable(endpoint)]),
    ),
  });
  return `${comments(draft, origin)}\n${escapedToml(stringify(tables))}`;
}

/** Returns the variables that have to be set, each with its meaning. */
export function variableLines(draft: Draft): string[] {
  return columns([...draft.variables]);
}

/** The paths of the APIs, for people. All other APIs have {@link USUAL_PATH}. */
const PATHS: Readonly<Record<string, string>> = { anthropic: "/v1/messages", gemini: "/v1beta" };
const USUAL_PATH = "/v1";

/** Returns the models that clients already use, each with the path at which clients find it. */
export function routeLines(draft: Draft): string[] {
  const served = draft.endpoints.flatMap((endpoint) =>
    endpoint.served.map((model) => [model, pathOf(endpoint)] as const)
  );
  const aliases = [...draft.aliases].map(([name, to]) => {
    const path = served.find(([model]) => matchesAny([model], to))?.[1] ?? USUAL_PATH;
    return [name, path] as const;
  });
  const others = draft.endpoints.flatMap((endpoint) =>
    endpoint.served.length > 0 ? [] : [[`the models of ${endpoint.name}`, pathOf(endpoint)] as const]
  );
  // If several endpoints have a model, the first of them gets its requests.
  return columns([...new Map([...served, ...aliases, ...others].toReversed())].toReversed());
}

function pathOf({ provider }: DraftEndpoint): string {
  const preset = presetNamed(provider);
  return preset === undefined ? USUAL_PATH : PATHS[PRESETS[preset].dialects[0]] ?? USUAL_PATH;
}

function routeTable({ model, endpoint, to }: DraftRoute): Record<string, string> {
  return { model: literal(model), endpoint, ...(to !== undefined && { to: literal(to) }) };
}

function managementToken(draft: Draft): string {
  return draft.variable(
    "MANAGEMENT_TOKEN",
    "your password for the admin page; limits need the management plane",
  );
}

/**
 * Returns the table of an endpoint. If the endpoint has only one backend, the table has the keys of the
 * backend.
 */
function endpointTable(
  { name: _name, served: _served, backends, ...settings }: DraftEndpoint,
): Record<string, unknown> {
  const [only, ...others] = backends;
  if (others.length > 0 || only === undefined) return { ...settings, backends };
  const { name: _backend, weight: _weight, ...backend } = only;
  return { ...settings, ...backend };
}

/** Returns a text of the imported file as one line, for comments and terminals. */
export function harmlessLine(text: string): string {
  return harmlessText(text, MAX_LINE);
}

/**
 * Escapes the remaining invisible characters. They can only be in strings, because the syntax of TOML is
 * visible.
 */
function escapedToml(toml: string): string {
  return toml.replace(/[^\n\P{C}]|[\p{Zl}\p{Zp}]/gu, (character) => {
    const digits = (character.codePointAt(0) ?? 0).toString(16);
    return digits.length > 4 ? `\\U${digits.padStart(8, "0")}` : `\\u${digits.padStart(4, "0")}`;
  });
}

function columns(rows: readonly (readonly [name: string, what: string])[]): string[] {
  const width = rows.reduce((most, [name]) => Math.max(most, name.length), 0);
  return rows.map(([name, what]) => `${name.padEnd(Math.min(width, MAX_COLUMN))}  ${what}`);
}

/**
 * Returns the comments at the start of the file. Each line passes {@link harmlessLine}, because a line break
 * would end the comment and begin configuration.
 */
function comments(draft: Draft, { program, file, notes }: Origin): string {
  const blocks = [
    [`Made from ${file} of ${program} by llm-proxy import. Check it with: llm-proxy check`],
    ...(draft.hints.length === 0 ? [] : [draft.hints]),
    ["Set these variables in the environment or in .env:", ...indented(variableLines(draft))],
    ...(routeLines(draft).length === 0 ? [] : [[
      "Clients use these models at one address, http://PROXY:33000, with these paths:",
      ...indented(routeLines(draft)),
    ]]),
    ...(notes.length === 0 ? [] : [["What was left out or changed:", ...indented(notes)]]),
  ];
  return blocks.map((lines) => lines.map((line) => `# ${harmlessLine(line)}\n`).join("")).join("#\n");
}

function indented(lines: readonly string[]): string[] {
  return lines.map((line) => `  ${line}`);
}
