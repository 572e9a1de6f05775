/**
 * The error if the framing of a message does not match its body, or if its fields contain a framing field.
 * This is a bug of the program. The caller must close the connection, because the peer would read the rest of
 * the body as the next message.
 */
export class FramingError extends Error {
  override readonly name = "FramingError";
}
