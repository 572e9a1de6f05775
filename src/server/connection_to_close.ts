import type { ServedConnection } from "./served_connection.ts";

/** An admitted client that reads nothing for so long may be closed for another one. A slow reader is quicker. */
const UNREAD_MS = 1_000;
/** A request that has shown no valid token by then waits for its client: a check of a token takes far less. */
const UNKNOWN_MS = 100;

/**
 * The connection that is closed for a new one where there is no more room; undefined: each of them is in use. First
 * those that have shown no valid token, whatever they do, and among them those that do not read their answers: a flood
 * from outside makes room for itself only. Then admitted clients that do not read, then those without a request.
 */
export function connectionToClose<Connection extends ServedConnection>(
  connections: Iterable<Connection>,
  now: number,
): Connection | undefined {
  let chosen: { readonly connection: Connection; readonly rank: number; readonly since: number } | undefined;
  for (const connection of connections) {
    const candidate = candidacyOf(connection, now);
    if (candidate === undefined) continue;
    const { rank, since } = candidate;
    if (chosen === undefined || rank < chosen.rank || rank === chosen.rank && since < chosen.since) {
      chosen = { connection, rank, since };
    }
  }
  return chosen?.connection;
}

function candidacyOf(
  { isAuthenticated, owesSince, idleSince, stateSince }: ServedConnection,
  now: number,
): { rank: number; since: number } | undefined {
  if (!isAuthenticated) {
    if (owesSince !== undefined) return { rank: 0, since: owesSince };
    const isWaiting = idleSince !== undefined || now - stateSince > UNKNOWN_MS;
    return isWaiting ? { rank: 1, since: idleSince ?? stateSince } : undefined;
  }
  if (owesSince !== undefined && now - owesSince > UNREAD_MS) return { rank: 2, since: owesSince };
  return idleSince === undefined ? undefined : { rank: 3, since: idleSince };
}
