/** All clients whose settings are known. */

import { AGENTS } from "./agents.ts";
import type { Client } from "./client.ts";
import { LIBRARIES } from "./libraries.ts";

/** All clients by their names for `llm-proxy connect`. */
export const CLIENTS = { ...AGENTS, ...LIBRARIES } as const satisfies Record<string, Client>;

/** The name of a client for `llm-proxy connect`. */
export type ClientName = keyof typeof CLIENTS;

/** The names of all clients. */
// Object.keys returns strings, but the keys of this constant are known.
export const CLIENT_NAMES = Object.keys(CLIENTS) as ClientName[];

/** The client with a name. `undefined` if the name is unknown. */
export function clientOf(name: string): Client | undefined {
  const known = CLIENT_NAMES.find((candidate) => candidate === name);
  return known && CLIENTS[known];
}
