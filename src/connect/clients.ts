/** Every client whose settings are known. */

import { AGENTS } from "./agents.ts";
import type { Client } from "./client.ts";
import { LIBRARIES } from "./libraries.ts";

/** By name: what `llm-proxy connect` takes. */
export const CLIENTS = { ...AGENTS, ...LIBRARIES } as const satisfies Record<string, Client>;

/** The name of a known client. */
export type ClientName = keyof typeof CLIENTS;

/** Every client's name. */
// Object.keys gives strings; these are the keys of constants that are written out.
export const CLIENT_NAMES = Object.keys(CLIENTS) as ClientName[];

/** A client by its name; undefined where it is not known. */
export function clientOf(name: string): Client | undefined {
  const known = CLIENT_NAMES.find((candidate) => candidate === name);
  return known && CLIENTS[known];
}
