/** A peer broke the rules of HTTP/1.1. `message` says which, without repeating what it sent. */
export class HttpSyntaxError extends Error {
  override readonly name = "HttpSyntaxError";
}

/** A connection ended where a message had to go on. */
export class UnexpectedEnd extends Error {
  override readonly name = "UnexpectedEnd";
}
