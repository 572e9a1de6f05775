import type { MessageBody } from "./byte_source.ts";

/**
 * Returns a body that breaks off if it is longer than `maxBytes`. It then throws the error that `exceeded`
 * makes.
 */
export function limitedBody(body: MessageBody, maxBytes: number, exceeded: () => Error): MessageBody {
  let left = maxBytes;
  return {
    length: body.length,
    tryRead() {
      const piece = body.tryRead();
      left -= piece?.length ?? 0;
      if (left < 0) throw exceeded();
      return piece;
    },
    readable: () => body.readable(),
    cancel: () => body.cancel(),
  };
}
