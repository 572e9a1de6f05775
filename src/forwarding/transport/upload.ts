import type { MessageBody } from "../../streams/byte_source.ts";
import type { AttemptPhase } from "./transport.ts";

/** What became of a request's body. */
export class Upload {
  state: "under way" | "whole" | "broken" = "under way";

  /** The answer has begun: what is awaited now is its affair. */
  isAnswered = false;
  readonly #onPhase: (phase: AttemptPhase) => void;

  /** `onPhase` gets `upload` while the client is awaited, and `first byte` once a piece has come. */
  constructor(onPhase: (phase: AttemptPhase) => void) {
    this.#onPhase = onPhase;
  }

  /** Tells a body that breaks off from an upstream that takes no more. */
  watch(body: MessageBody): MessageBody {
    return {
      length: body.length,
      read: async () => {
        if (!this.isAnswered) this.#onPhase("upload");
        try {
          return this.#seen(await body.read());
        } catch (error) {
          this.state = "broken";
          throw error;
        }
      },
      tryRead: () => this.#seen(body.tryRead()),
      cancel: () => body.cancel(),
    };
  }

  #seen<Piece extends Uint8Array | null | undefined>(piece: Piece): Piece {
    if (piece !== undefined && !this.isAnswered) this.#onPhase("first byte");
    return piece;
  }
}
