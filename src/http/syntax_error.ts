/**
 * The error for a peer that broke a rule of HTTP/1.1. `message` names the rule, and has no text of the peer.
 */
export class HttpSyntaxError extends Error {
  override readonly name = "HttpSyntaxError";
}

/** The error for a connection that ended within a message. */
export class UnexpectedEnd extends Error {
  override readonly name = "UnexpectedEnd";
}
