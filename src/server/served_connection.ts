/** A connection of a client, in whatever protocol, as the server looks after it. */
export interface ServedConnection {
  /** Since when nothing has been asked on it, by the server's clock; undefined while something is. */
  readonly idleSince: number | undefined;
  /** Ends what has taken too long. Asked from time to time. */
  readonly endOverdue: () => void;
  /** No further request is taken: what is running ends, then the connection. */
  readonly finish: () => void;
  readonly close: () => void;
}
