import { ProxyFault } from "../faults.ts";
import { CLOSE_CODES, type FrameViolation } from "./websocket_frames.ts";

/** Why the proxy ends a WebSocket. */
export interface MessageRejection {
  /** The code and the reason of the close frames for both sides. */
  readonly close: FrameViolation;
  /** The fault that the log shows. */
  readonly fault: ProxyFault;
}

/** Makes the rejection for a frame that breaks a rule. */
export function rejectionOf(close: FrameViolation, sender: "client" | "upstream"): MessageRejection {
  const [who, broken] = sender === "client"
    ? ["The client", "bad_request"] as const
    : ["The upstream", "bad_gateway"] as const;
  const code = close.code === CLOSE_CODES.tooBig ? "payload_too_large" : broken;
  return { close, fault: new ProxyFault(code, `${who} sent ${close.reason}.`) };
}
