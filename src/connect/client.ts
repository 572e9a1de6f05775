/** The description of a client, and helpers that write settings. */

import type { Dialect } from "../apis/dialects.ts";
import { shellWord } from "../text/shell_word.ts";

/** The values that go into settings. */
export interface ConnectFacts {
  /** The address of an endpoint, like `http://192.168.1.20:33000/openai`. */
  readonly endpointUrl: string;
  /** The name of the endpoint. */
  readonly endpoint: string;
  /** The dialect that the client speaks with the endpoint. */
  readonly dialect: Dialect;
  /** The value for the client's API key: the proxy token, or a provider's key that the proxy forwards. */
  readonly key: string;
  /**
   * The proxy token, if it needs a separate header. `undefined` if it is the API key, or if none is needed.
   */
  readonly separateToken: string | undefined;
  /** The name of a model that the endpoint probably has. */
  readonly model: string;
  /**
   * Whether the upstream is OpenAI or Azure, and so has `/responses`, which many compatible upstreams lack.
   */
  readonly hasResponses: boolean;
  /**
   * The file of the authority that the client has to trust. `undefined` if the client trusts the certificate
   * already.
   */
  readonly authority: string | undefined;
}

/** A part of the settings of a client, to be pasted into one place. */
export interface Piece {
  /** The place: a file, or a short instruction. */
  readonly where: string;
  readonly text: string;
}

/** A client whose settings are known. */
export interface Client {
  /** The name of the client for people. */
  readonly title: string;
  /** The dialects that the client speaks, its main one first. */
  readonly dialects: readonly Dialect[];
  /** The name of the endpoint that fits the client best, if the proxy has one with this name. */
  readonly preferredEndpoint?: string;
  /** The settings, in pieces that a person pastes into one place each. */
  readonly pieces: (facts: ConnectFacts) => readonly Piece[];
  /**
   * Whether the client can send another header, which endpoints that forward its own key need for the proxy
   * token.
   */
  readonly hasHeaderSetting: boolean;
  /** Notes on the settings, each a sentence. */
  readonly notes?: (facts: ConnectFacts) => readonly string[];
}

/**
 * The environment variable for the proxy token of a client, which keeps it out of the history of the shell.
 */
export const TOKEN_VARIABLE = "LLM_PROXY_TOKEN";
/** The environment variable for the address of the proxy, which `llm-proxy run` reads. */
export const URL_VARIABLE = "LLM_PROXY_URL";

/**
 * The header for the proxy token of a client that keeps its own key. Reverse proxies remove
 * `Proxy-Authorization`, and let this header pass.
 */
export const TOKEN_HEADER = "x-llm-proxy-token";

/** The place of environment variables. */
export const SHELL = "in the shell or its startup file";
/** The place of a piece of code. */
export const PROGRAM = "in the program";
/** The note on settings in a JSON file. */
export const JSON_NOTE = "If the JSON file exists, add these members to it.";

/** `export` lines for a shell, without the variables that are undefined. */
export function exports(variables: Readonly<Record<string, string | undefined>>): Piece {
  const lines = Object.entries(variables).flatMap(([name, value]) =>
    value === undefined ? [] : [`export ${name}=${shellWord(value)}`]
  );
  return { where: SHELL, text: lines.join("\n") };
}

/** `export` lines for a shell. Empty if all variables are undefined. */
export function exportsIfAny(variables: Readonly<Record<string, string | undefined>>): Piece[] {
  const piece = exports(variables);
  return piece.text === "" ? [] : [piece];
}

/** A piece that is a JSON file. */
export function jsonFile(where: string, value: unknown): Piece {
  return { where, text: JSON.stringify(value, null, 2) };
}

/**
 * The header with the proxy token as a line, for variables that contain headers. `undefined` if it is not
 * needed.
 */
export function headerLine({ separateToken }: ConnectFacts): string | undefined {
  return separateToken && `${TOKEN_HEADER}: ${separateToken}`;
}

/** An object with a member for the header with the proxy token. Empty if the header is not needed. */
export function headersAs(
  name: string,
  { separateToken }: ConnectFacts,
): Record<string, Record<string, string>> {
  return separateToken === undefined ? {} : { [name]: { [TOKEN_HEADER]: separateToken } };
}

/** An object literal in JavaScript, without members that are undefined. */
export function literal(value: Readonly<Record<string, unknown>>): string {
  const members = Object.entries(value).flatMap(([name, member]) => {
    if (member === undefined) return [];
    const isObject = typeof member === "object" && member !== null;
    return [`${quoted(name)}: ${isObject ? literal({ ...member }) : JSON.stringify(member)}`];
  });
  return `{ ${members.join(", ")} }`;
}

function quoted(name: string): string {
  return /^[a-z]\w*$/i.test(name) ? name : JSON.stringify(name);
}
