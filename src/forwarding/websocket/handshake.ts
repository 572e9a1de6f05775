/** The opening handshake of WebSockets (RFC 6455, 4), as far as a proxy checks it. */

import { sha1 } from "@noble/hashes/legacy.js";
import type { IncomingRequest } from "../../http/message.ts";
import { type Field, field, fieldValue, listHas } from "../../http/fields.ts";

const DROPPED =
  "A WebSocket needs the headers Upgrade: websocket and Connection: Upgrade; a proxy in front may drop them.";

/** Whether a request asks for a WebSocket. A text: why the proxy rejects the request. */
export function upgradeOf(
  { method, fields, body }: Pick<IncomingRequest, "method" | "fields" | "body">,
): boolean | string {
  if (!listHas(fieldValue(fields, "upgrade"), "websocket")) {
    // A reverse proxy without support for WebSockets drops both fields of the upgrade.
    return fieldValue(fields, "sec-websocket-key") === undefined ? false : DROPPED;
  }
  // Frames follow the head, so one reader could take for frames what another takes for a body.
  if (body !== null && body.length !== 0) return "A WebSocket request must not have a body.";
  if (method !== "GET") return `A WebSocket request must use GET, not ${method}.`;
  if (!listHas(fieldValue(fields, "connection"), "upgrade")) {
    return DROPPED;
  }
  const key = fieldValue(fields, "sec-websocket-key");
  if (key === undefined || !/^[A-Za-z0-9+/]{22}==$/.test(key)) {
    return "A WebSocket request needs one valid Sec-WebSocket-Key.";
  }
  return true;
}

/** The fields of the upgrade. They belong to one connection, so the proxy adds them on both sides. */
export const UPGRADE_FIELDS: readonly Field[] = [
  field("connection", "Upgrade"),
  field("upgrade", "websocket"),
];

/** RFC 6455, 1.3. */
const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** Whether a 101 answers this request: it repeats the upgrade and has the matching `sec-websocket-accept`. */
export function isAccepted(request: readonly Field[], answer: readonly Field[]): boolean {
  const key = fieldValue(request, "sec-websocket-key") ?? "";
  const expected = sha1(new TextEncoder().encode(key + GUID)).toBase64();
  return listHas(fieldValue(answer, "upgrade"), "websocket") &&
    listHas(fieldValue(answer, "connection"), "upgrade") &&
    fieldValue(answer, "sec-websocket-accept") === expected;
}
