/**
 * What the management plane answers, seen where it is made: a browser forgets some of it, and shows no
 * running stream.
 */

import { watched } from "../../../src/streams/bytes.ts";
import type { MessageBody } from "../../../src/streams/byte_source.ts";
import type { Management } from "../../../src/management/management.ts";

/** For secrets that are ASCII, whatever stands around them. */
const ascii = new TextDecoder("latin1");

/** One answer, header and body; it grows as long as its body does. */
export interface SeenResponse {
  /** Like `GET /admin/api/projects`. */
  readonly request: string;
  text: string;
}

/** Keeps each answer that the management plane gives from now on. */
export function watchResponses(management: Management): readonly SeenResponse[] {
  const answers: SeenResponse[] = [];
  const own = management.answer;
  const answer: Management["answer"] = (request, path) => {
    const replied = own(request, path);
    return replied?.then((reply) => {
      const fields = reply.fields.map(({ name, value }) => `${name}: ${value}\n`).join("");
      const seen: SeenResponse = { request: `${request.method} ${path}`, text: fields };
      answers.push(seen);
      if (reply.body instanceof Uint8Array) seen.text += ascii.decode(reply.body);
      else if (reply.body !== null) return { ...reply, body: watchedSource(reply.body, seen) };
      return reply;
    });
  };
  Object.defineProperty(management, "answer", { value: answer });
  return answers;
}

function watchedSource(source: MessageBody, seen: SeenResponse): MessageBody {
  return watched(source, (piece) => seen.text += ascii.decode(piece));
}
