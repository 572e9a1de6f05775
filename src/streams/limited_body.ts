import type { MessageBody } from "./byte_source.ts";

/** A body that breaks off beyond a length; `exceeded` is then called once and gives what is thrown. */
export function limitedBody(body: MessageBody, maxBytes: number, exceeded: () => Error): MessageBody {
  let left = maxBytes;
  const counted = <Piece extends Uint8Array | null | undefined>(piece: Piece): Piece => {
    left -= piece?.length ?? 0;
    if (left < 0) throw exceeded();
    return piece;
  };
  return {
    length: body.length,
    read: async () => counted(await body.read()),
    tryRead: () => counted(body.tryRead()),
    cancel: () => body.cancel(),
  };
}
