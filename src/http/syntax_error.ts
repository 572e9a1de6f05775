/** A peer broke a rule of HTTP/1.1. `message` names the rule, and quotes nothing of the peer. */
export class HttpSyntaxError extends Error {
  override readonly name = "HttpSyntaxError";
}

/** A connection ended within a message. */
export class UnexpectedEnd extends Error {
  override readonly name = "UnexpectedEnd";
}
