/** A connection of a client, in whatever protocol, as the server looks after it. */
export interface ServedConnection {
  /** Since when no request has been running on it, by the server's clock; undefined while one is. */
  readonly idleSince: number | undefined;
  /** Since when it has done what it does now: a head, a request, the end of an answer. */
  readonly stateSince: number;
  /** Since when an answer waits for the client to read it; undefined: none does. */
  readonly owesSince: number | undefined;
  /** Whether a request on it has been admitted: by a token, or because none is asked for. */
  readonly isAuthenticated: boolean;
  /** Ends what has taken too long. Called from time to time. */
  readonly endOverdue: () => void;
  /** No further request is taken: what is running ends, then the connection. */
  readonly finish: () => void;
  readonly close: () => void;
}
