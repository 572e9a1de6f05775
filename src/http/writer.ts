/**
 * Writes HTTP/1.1 messages. Only the interim response `100 Continue` is written elsewhere
 * (`server/connection.ts`). The framing fields are made from the body that is sent (RFC 9112, 6).
 */

import { type Field, isFramingField } from "./fields.ts";
import { FramingError } from "./framing_error.ts";
import { FramedPieces } from "./framed_pieces.ts";
import type { OutgoingBody } from "./outgoing_body.ts";
import { SendBuffer } from "./send_buffer.ts";

/** A destination for bytes, such as a connection. */
export interface ByteOutput {
  /** Writes some of the bytes, and returns their number. */
  readonly write: (bytes: Uint8Array) => Promise<number>;
  /** Called after each write. Returns a promise to await if other connections must have their turn first. */
  readonly afterWrite?: (count: number) => Promise<void> | undefined;
}

/** A message that is ready to be sent. */
export interface OutgoingMessage {
  readonly startLine: string;
  /** A field before the others, such as the `host` of a request. */
  readonly firstField?: Field;
  /** The fields without `content-length` and `transfer-encoding`. */
  readonly fields: readonly Field[];
  readonly body: OutgoingBody;
}

/**
 * Returns the text of a head with its empty line. Throws a {@link FramingError} if `fields` contains a
 * framing field.
 */
export function headText({ startLine, firstField, fields, body }: OutgoingMessage): string {
  let text = firstField === undefined
    ? `${startLine}\r\n`
    : `${startLine}\r\n${firstField.name}: ${firstField.value}\r\n`;
  for (const { name, lower, value } of fields) {
    if (isFramingField(lower)) throw new FramingError(`${lower} among the fields of a message`);
    text += value === "" ? `${name}:\r\n` : `${name}: ${value}\r\n`;
  }
  switch (body.kind) {
    case "counted":
    case "omitted":
      return `${text}content-length: ${body.length}\r\n\r\n`;
    case "chunked":
      return `${text}transfer-encoding: chunked\r\n\r\n`;
    case "none":
    case "until close":
      return `${text}\r\n`;
    default:
      body satisfies never;
      throw new TypeError("Unknown framing");
  }
}

/**
 * Sends a message. The first write sends the head with the part of the body that has arrived. Each later
 * write sends all short pieces that have arrived. Throws the error of the source or of the output. Throws a
 * {@link FramingError} before it sends a byte that the head did not announce. Throws it also if the body is
 * shorter than announced.
 */
export async function writeMessage(output: ByteOutput, message: OutgoingMessage): Promise<void> {
  const buffer = new SendBuffer();
  const pieces = new FramedPieces(message.body, buffer);
  buffer.appendText(headText(message));
  try {
    while (true) {
      pieces.fill();
      if (buffer.length === 0 && pieces.long === undefined) {
        if (pieces.haveEnded) return;
        await pieces.readable();
        continue;
      }
      while (buffer.length > 0) {
        const count = await output.write(buffer.unsent);
        buffer.removeSent(count);
        const others = output.afterWrite?.(count);
        if (others !== undefined) await others;
      }
      if (pieces.long === undefined) continue;
      await writeAll(output, pieces.long);
      pieces.longWasSent();
    }
  } finally {
    buffer.release();
  }
}

/** Writes all bytes to an output. */
export async function writeAll(output: ByteOutput, bytes: Uint8Array): Promise<void> {
  for (let sent = 0; sent < bytes.length;) {
    const count = await output.write(sent === 0 ? bytes : bytes.subarray(sent));
    sent += count;
    const others = output.afterWrite?.(count);
    if (others !== undefined) await others;
  }
}
