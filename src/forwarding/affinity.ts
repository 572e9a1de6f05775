/**
 * Keeps the requests of a conversation at one backend, whose prompt cache has the beginning of the
 * conversation. The choice depends only on the conversation and the names of the backends, so that several
 * proxies agree on it.
 */

import { factsOf, type Operation } from "../apis/operations.ts";
import type { Affinity, Backend } from "../config/config.ts";
import { type Field, fieldValue } from "../http/fields.ts";

/**
 * Headers in which clients name their session, in lower case. They are those of Claude Code; of opencode;
 * of Codex, whose name has changed; and two that several other clients use.
 */
export const SESSION_FIELDS: readonly string[] = [
  "x-claude-code-session-id",
  "x-session-affinity",
  "session-id",
  "session_id",
  "x-session-id",
  "conversation_id",
];

/** How much of the beginning of a body is read for a conversation, in bytes. */
export const START_BYTES: number = 256 * 1024;

/** The session that the headers of a request name. `undefined` if they name none. */
export function sessionOf(fields: readonly Field[], affinity: Affinity): string | undefined {
  if (affinity.header !== undefined) return fieldValue(fields, affinity.header) || undefined;
  for (const name of SESSION_FIELDS) {
    const value = fieldValue(fields, name);
    if (value !== undefined && value !== "") return value;
  }
  return undefined;
}

/** Whether a request can be a turn of a conversation: one for a model that responds with text. */
export function mayBeConversation(operation: Operation): boolean {
  const { group, hasNoOutput } = factsOf(operation);
  return (group === "inference" || group === "other") && hasNoOutput !== true;
}

/**
 * The rank of a backend for a conversation: the backend with the highest rank gets its requests (weighted
 * rendezvous hashing). If a backend is added or removed, only the conversations of that backend move. A
 * backend without weight ranks below all others.
 */
export function rankOf({ name, weight }: Pick<Backend, "name" | "weight">, conversation: string): number {
  // Between 0 and 1, exclusive, so that its logarithm is finite and below 0.
  const share = (mixed(hashOf(name, hashOf(conversation, 0x811c9dc5))) + 0.5) / 2 ** 32;
  return weight === 0 ? share - 2 : weight / -Math.log(share);
}

/** FNV-1a. */
function hashOf(text: string, start: number): number {
  let hash = start;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return Math.imul(hash ^ text.length, 0x01000193) >>> 0;
}

/** Spreads each bit over the number, because FNV-1a leaves the first bits alike for similar texts. */
function mixed(hash: number): number {
  let value = hash;
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35);
  return (value ^ (value >>> 16)) >>> 0;
}
