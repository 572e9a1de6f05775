import type { GuessPlace } from "../../auth/guess_place.ts";

/** Who asks the management plane for something. */
export interface Caller {
  /** The address the request comes from. */
  readonly source: string;
  /** What a wrong token of the request is counted by. */
  readonly guessPlace: GuessPlace;
  /**
   * Called by what has checked a credential of the request, once it was right: the connection has shown who it belongs
   * to. Nothing else may call it.
   */
  readonly onVerified?: (() => void) | undefined;
}
