/** What is said of a client, and the helpers that settings are written with. */

import type { Provider } from "../config/config.ts";
import { shellWord } from "../text/shell_word.ts";

/** What settings are made of. */
export interface ConnectFacts {
  /** The address of an endpoint, like `http://192.168.1.20:33000/openai`. */
  readonly endpointUrl: string;
  readonly endpoint: string;
  readonly dialect: Provider;
  /** What stands where a client puts its key: the proxy's token, or the provider's key that goes on. */
  readonly key: string;
  /** What `Proxy-Authorization` has to be; undefined: the token stands where the key does. */
  readonly proxyAuthorization: string | undefined;
  /** A model to begin with. */
  readonly model: string;
  /** The upstream is OpenAI's own, or Azure's: it has `/responses`, which many that imitate it lack. */
  readonly hasResponses: boolean;
  /** The file of the authority that the client has to trust; undefined: none besides the usual ones. */
  readonly authority: string | undefined;
}

/** A piece of settings, and where it goes. */
export interface Piece {
  /** A file, or what else is to be done with it. */
  readonly where: string;
  readonly text: string;
}

/** A program that talks to models. */
export interface Client {
  readonly title: string;
  /** The dialects it speaks, the one it is made for first. */
  readonly dialects: readonly Provider[];
  /** The endpoint that it is made for, where there is one of that name. */
  readonly prefers?: string;
  readonly pieces: (facts: ConnectFacts) => readonly Piece[];
  /** It has a place for a further header, so that it can use endpoints that pass its own key on. */
  readonly takesHeader: boolean;
  /** What has to be known besides, each a sentence. */
  readonly notes?: (facts: ConnectFacts) => readonly string[];
}

/** The variable that holds a client's proxy token, so that no token is in the history of a shell. */
export const TOKEN_VARIABLE = "LLM_PROXY_TOKEN";

/** Where variables of a shell go. */
export const SHELL = "in the shell, or in its start file";
/** Where a piece of a program goes. */
export const PROGRAM = "in the program";
/** What is added to settings that may be there. */
export const JSON_NOTE = "Where the JSON file is there already, add these members to it.";

/** Variables for a shell; those that are undefined are left out. */
export function exports(variables: Readonly<Record<string, string | undefined>>): Piece {
  const lines = Object.entries(variables).flatMap(([name, value]) =>
    value === undefined ? [] : [`export ${name}=${shellWord(value)}`]
  );
  return { where: SHELL, text: lines.join("\n") };
}

/** The same, or nothing where none of them has a value. */
export function exportsIfAny(variables: Readonly<Record<string, string | undefined>>): Piece[] {
  const piece = exports(variables);
  return piece.text === "" ? [] : [piece];
}

/** A file of JSON. */
export function jsonFile(where: string, value: unknown): Piece {
  return { where, text: JSON.stringify(value, null, 2) };
}

/** `Proxy-Authorization` as a line, for variables that hold headers. */
export function headerLine({ proxyAuthorization }: ConnectFacts): string | undefined {
  return proxyAuthorization && `Proxy-Authorization: ${proxyAuthorization}`;
}

/** `Proxy-Authorization` under a member that holds headers, or nothing. */
export function headersAs(
  name: string,
  { proxyAuthorization }: ConnectFacts,
): Record<string, Record<string, string>> {
  return proxyAuthorization === undefined ? {} : { [name]: { "Proxy-Authorization": proxyAuthorization } };
}

/** An object literal in JavaScript; members that are undefined are left out. */
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
