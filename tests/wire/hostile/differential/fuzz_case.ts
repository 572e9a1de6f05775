/** What a generated case is. */

import type { SentRequests } from "./strict_requests.ts";

/** What a client does once it has sent its bytes. */
export type Ending =
  /** It waits for its answers. */
  | "waits"
  /** It ends its sending side, and reads on. */
  | "half-closes"
  /** It closes its connection, whether its request has an answer or not. */
  | "leaves";

/** One case: what A sends, what that means, and what is done around it. */
export interface FuzzCase {
  readonly number: number;
  readonly protocol: "http1" | "http2";
  /** What A sends, in pieces, in Latin-1. */
  readonly pieces: readonly string[];
  /** What these bytes say by the letter. */
  readonly sent: SentRequests;
  /** HTTP/2 alone: each piece is a request, which is sent when the one before has its answer. */
  readonly oneByOne: boolean;
  readonly ending: Ending;
  /** The last piece is sent when B has its answer: an answer may come before the request is whole. */
  readonly holdsBack: boolean;
  /** B asks once A has its answers, or as soon as A has sent everything. */
  readonly whenB: "after" | "at once";
  /** B's request has a body. */
  readonly withBodyB: boolean;
}

/** The tokens of the two principals. */
export const TOKEN_A = "differential-token-of-a-5c1f";
export const TOKEN_B = "differential-token-of-b-9e07";
