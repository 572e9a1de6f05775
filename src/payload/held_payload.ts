import type { HeldBody } from "../streams/held_body.ts";
import type { Payload } from "./read_payload.ts";

/** A body that has been read and understood, whose bytes have one owner. */
export interface HeldPayload extends Omit<Payload, "bytes"> {
  readonly held: HeldBody;
}
