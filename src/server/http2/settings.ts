import { MAX_31_BITS, protocolError, SETTING } from "./frames.ts";

/** The length of one setting in a SETTINGS frame, in bytes. */
export const SETTING_BYTES = 6;

/**
 * Checks the payload of a SETTINGS frame (RFC 9113, 6.5.2). Returns its last INITIAL_WINDOW_SIZE, or
 * `undefined` if it has none. Throws a {@link ConnectionError} for an invalid value.
 */
export function readInitialWindow(payload: DataView): number | undefined {
  let initialWindow: number | undefined;
  for (let at = 0; at < payload.byteLength; at += SETTING_BYTES) {
    const value = payload.getUint32(at + 2);
    switch (payload.getUint16(at)) {
      case SETTING.enablePush:
        if (value > 1) throw protocolError("an invalid ENABLE_PUSH");
        break;
      case SETTING.initialWindow:
        if (value > MAX_31_BITS) throw protocolError("an invalid INITIAL_WINDOW_SIZE");
        initialWindow = value;
        break;
      case SETTING.maxFrame:
        if (value < 16_384 || value > 16_777_215) throw protocolError("an invalid MAX_FRAME_SIZE");
        break;
    }
  }
  return initialWindow;
}
