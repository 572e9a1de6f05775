/** The opening handshake of WebSockets (RFC 6455, 4), as far as a proxy takes part in it. */

import { sha1 } from "@noble/hashes/legacy.js";
import type { IncomingRequest } from "../../http/message.ts";
import { type Field, field, fieldValue, listHas } from "../../http/fields.ts";

const DROPPED =
  "A WebSocket needs the headers Upgrade: websocket and Connection: Upgrade; a proxy in front may drop them.";

/** Whether a request asks for a WebSocket; a text says why it cannot be one. */
export function upgradeOf(
  { method, fields, body }: Pick<IncomingRequest, "method" | "fields" | "body">,
): boolean | string {
  if (!listHas(fieldValue(fields, "upgrade"), "websocket")) {
    // A proxy in front that knows nothing of WebSockets drops both fields that ask for one.
    return fieldValue(fields, "sec-websocket-key") === undefined ? false : DROPPED;
  }
  // Behind its head frames begin: two readers could take a body for them.
  if (body !== null && body.length !== 0) return "A WebSocket is asked for without a body.";
  if (method !== "GET") return `A WebSocket is asked for by GET, not by ${method}.`;
  if (!listHas(fieldValue(fields, "connection"), "upgrade")) {
    return DROPPED;
  }
  const key = fieldValue(fields, "sec-websocket-key");
  if (key === undefined || !/^[A-Za-z0-9+/]{22}==$/.test(key)) {
    return "A WebSocket needs one proper Sec-WebSocket-Key.";
  }
  return true;
}

/** What belongs to the connection, and is said anew on both sides. */
export const UPGRADE_FIELDS: readonly Field[] = [
  field("connection", "Upgrade"),
  field("upgrade", "websocket"),
];

/** RFC 6455, 1.3. */
const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** Whether a 101 is the answer to this very request. */
export function isAccepted(request: readonly Field[], answer: readonly Field[]): boolean {
  const key = fieldValue(request, "sec-websocket-key") ?? "";
  const expected = sha1(new TextEncoder().encode(key + GUID)).toBase64();
  return listHas(fieldValue(answer, "upgrade"), "websocket") &&
    listHas(fieldValue(answer, "connection"), "upgrade") &&
    fieldValue(answer, "sec-websocket-accept") === expected;
}
