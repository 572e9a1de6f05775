/** The description of a client that `llm-proxy run` starts, and helpers that write its settings. */

import type { Dialect } from "../apis/dialects.ts";
import { TOKEN_HEADER } from "./client.ts";

/** The values that go into the settings of one process. */
export interface LaunchFacts {
  /** The address of an endpoint, like `http://192.168.1.20:33000/openai`. */
  readonly endpointUrl: string;
  /** The dialect that the client speaks with the endpoint. */
  readonly dialect: Dialect;
  /** The proxy token. `undefined` if the proxy requires none. */
  readonly token: string | undefined;
  /** Whether the client keeps its own key or login, and sends the proxy token in a separate header. */
  readonly keepsOwnKey: boolean;
  /** The model that the user named. `undefined` if the user named none. */
  readonly chosenModel: string | undefined;
  /** The model that the user named, or a usual one of the endpoint. `undefined` if the client chooses. */
  readonly model: string | undefined;
  /** Whether the upstream is OpenAI or Azure, and so has `/responses`. */
  readonly hasResponses: boolean;
  /**
   * The file of the authority that the client has to trust. `undefined` if it trusts the certificate already.
   */
  readonly authority: string | undefined;
  /** An empty folder that only the user can read. It is removed when the client has ended. */
  readonly folder: string;
  /** The arguments of the user for the client. */
  readonly args: readonly string[];
  /** Reads a variable of the user's environment. */
  readonly variable: (name: string) => string | undefined;
  /** Reads a JSON file, with comments or without. Returns `undefined` if it is missing or not an object. */
  readonly readJson: (path: string) => Readonly<Record<string, unknown>> | undefined;
  /** Lists the names in a folder. Returns an empty list if the folder is missing. */
  readonly listFolder: (path: string) => readonly string[];
}

/** The settings of one process. */
export interface Launch {
  /** Variables to set, and with the value undefined, variables to remove. */
  readonly variables: Readonly<Record<string, string | undefined>>;
  /** Arguments before those of the user. They never contain a token, because other users see them. */
  readonly args?: readonly string[];
  /** Files to write into the folder, by their paths in it. */
  readonly files?: Readonly<Record<string, string>>;
  /** Links to make in the folder: the path in it, and the file or folder of the machine. */
  readonly links?: Readonly<Record<string, string>>;
}

/** A client that `llm-proxy run` starts. */
export interface Launcher {
  /** The name of the client for people. */
  readonly title: string;
  /** The dialects that the client speaks, its main one first. */
  readonly dialects: readonly Dialect[];
  /** The name of the program. */
  readonly program: string;
  /** The command or the address that installs the program. */
  readonly install: string;
  /** Whether the settings must name a model. */
  readonly needsModel?: true;
  /** Whether the client can send the proxy token beside its own key. */
  readonly canKeepOwnKey?: true;
  /** How to start the program with the settings: its arguments, variables and files. */
  readonly launch: (facts: LaunchFacts) => Launch;
}

/** The API key for a proxy that requires no token: clients do not start without a key. */
const NO_TOKEN = "no-token";

/** The API key for a client. */
export function keyOf({ token }: LaunchFacts): string {
  return token ?? NO_TOKEN;
}

/** The header with the proxy token, for a client that keeps its own key. Empty if no header is needed. */
export function tokenHeaders({ token, keepsOwnKey }: LaunchFacts): Record<string, string> {
  return keepsOwnKey && token !== undefined ? { [TOKEN_HEADER]: token } : {};
}

/**
 * Adds the header with the proxy token to a variable that contains headers, one per line or separated by
 * `separator`.
 */
export function withTokenHeader(facts: LaunchFacts, variable: string, separator: string): string | undefined {
  const own = facts.variable(variable);
  const lines = Object.entries(tokenHeaders(facts)).map(([name, value]) => `${name}: ${value}`);
  if (lines.length === 0) return own;
  return [...(own === undefined || own.trim() === "" ? [] : [own]), ...lines].join(separator);
}

/** Whether the user gave one of these options to the client. */
export function hasOption({ args }: LaunchFacts, ...names: readonly string[]): boolean {
  return args.some((arg) => names.some((name) => arg === name || arg.startsWith(`${name}=`)));
}

/** A copy of a JSON object with other members, object by object. */
export function mergedJson(
  under: Readonly<Record<string, unknown>>,
  over: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const merged: Record<string, unknown> = { ...under };
  for (const [name, value] of Object.entries(over)) {
    const before = under[name];
    merged[name] = isObject(before) && isObject(value) ? mergedJson(before, value) : value;
  }
  return merged;
}

/** Whether a value is a JSON object. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
