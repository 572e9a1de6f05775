import type { HeldBody } from "../streams/held_body.ts";
import type { Payload } from "./read_payload.ts";

/** A body that the proxy has read, with the owner of its bytes in memory. */
export interface HeldPayload extends Omit<Payload, "bytes"> {
  readonly heldBody: HeldBody;
}
