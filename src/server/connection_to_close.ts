import type { ServedConnection } from "./served_connection.ts";

/**
 * If an authenticated client has read nothing for this time, in milliseconds, its connection may be closed
 * for a new one. Even slow clients read more often.
 */
const UNREAD_MS = 1_000;
/**
 * If a connection has a request but no valid token for this time, in milliseconds, it waits for its client.
 * The check of a token takes far less time.
 */
const UNAUTHENTICATED_MS = 100;

/**
 * Chooses the connection to close for a new one when there are too many. Returns `undefined` if all
 * connections are in use.
 *
 * Connections without a valid token are closed first, so that a flood from outside closes only its own
 * connections. Among them, those that do not read their responses come first. The next group is authenticated
 * clients that do not read, and the last group is idle connections. Within each group, the connection that
 * has been in its state for the longest time is closed.
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
  { isAuthenticated, unreadSince, idleSince, stateSince }: ServedConnection,
  now: number,
): { rank: number; since: number } | undefined {
  if (!isAuthenticated) {
    if (unreadSince !== undefined) return { rank: 0, since: unreadSince };
    const isWaiting = idleSince !== undefined || now - stateSince > UNAUTHENTICATED_MS;
    return isWaiting ? { rank: 1, since: idleSince ?? stateSince } : undefined;
  }
  if (unreadSince !== undefined && now - unreadSince > UNREAD_MS) return { rank: 2, since: unreadSince };
  return idleSince === undefined ? undefined : { rank: 3, since: idleSince };
}
