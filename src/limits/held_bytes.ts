import { ProxyFault } from "../faults.ts";

/** The wait that a refused client hears of. Most bodies are held for seconds, until their answer begins. */
const RETRY_AFTER_SECONDS = 2;

/** How much of requests' bodies is held in memory, over all requests. */
export class HeldBytes {
  readonly #maxBytes: number;
  #held = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** The bytes that all shares hold now. */
  get held(): number {
    return this.#held;
  }

  /** A share for one request, which is empty at first. */
  share(): HeldShare {
    let own = 0;
    let isReleased = false;
    const grow = (bytes: number): boolean => {
      const more = bytes - own;
      if (isReleased || more > 0 && this.#held + more > this.#maxBytes) return false;
      this.#held += more;
      own = bytes;
      return true;
    };
    return {
      mayHold: grow,
      hold(bytes) {
        if (grow(bytes)) return;
        throw new ProxyFault(
          "overloaded",
          "The proxy holds as much of requests' bodies as it may; try again in a moment.",
          { retryAfterSeconds: RETRY_AFTER_SECONDS },
        );
      },
      release: () => {
        this.#held -= own;
        own = 0;
        isReleased = true;
      },
    };
  }
}

/** What one request holds of the memory for bodies. */
export interface HeldShare {
  /** Sets how many bytes it holds; false: there is no room for so many, and nothing has changed. */
  readonly mayHold: (bytes: number) => boolean;
  /** The same; throws the fault `overloaded`. */
  readonly hold: (bytes: number) => void;
  /** It holds nothing any more, for good. */
  readonly release: () => void;
}
