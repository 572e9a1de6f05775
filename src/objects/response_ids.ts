/** Finds the ids of created objects in responses while they pass. */

import type { Field } from "../http/fields.ts";
import { canDecode, contentCodingOf } from "../payload/content_coding.ts";
import { Decompressor } from "../payload/decompressor.ts";
import { EventStreamScanner } from "../payload/event_stream_scanner.ts";
import { JsonScanner } from "../payload/json_scanner.ts";
import { compileSelection } from "../payload/json_selection.ts";
import { isEventStream } from "../payload/media_type.ts";

/**
 * What an id in a response stands for. `created` and `named`: the id or the name of the object that the
 * request created. `conversation`, `batch`, `video`: the object of such a request, in a member that has
 * another meaning in other responses. `thread`: the thread of a run. `file of an upload`: the file that an
 * upload became. `result`: a file with results of the object that the response describes. `container of …`: a
 * container that the provider made for code.
 */
export type IdRole =
  | "created"
  | "named"
  | "conversation"
  | "batch"
  | "video"
  | "thread"
  | "file of an upload"
  | "result"
  | "container of messages"
  | "container of a response";

const SELECTED = compileSelection({
  id: true,
  name: true,
  file: { id: true, name: true },
  response: { id: true, responsesFile: true },
  interaction: { id: true },
  conversation_id: true,
  job: { id: true },
  batch_id: true,
  request_id: true,
  thread_id: true,
  container: { id: true },
  output: { "*": { container_id: true } },
  output_file_id: true,
  output_file: true,
  error_file_id: true,
  error_file: true,
  result_files: { "*": true },
  metadata: { output: { responsesFile: true } },
});
const ROLES: ReadonlyMap<string, IdRole> = new Map([
  ["id", "created"],
  ["name", "named"],
  ["file.name", "named"],
  ["response.id", "created"],
  ["interaction.id", "created"],
  // Mistral's conversations, Together's and xAI's batches, and xAI's videos.
  ["conversation_id", "conversation"],
  ["job.id", "batch"],
  ["batch_id", "batch"],
  ["request_id", "video"],
  ["thread_id", "thread"],
  ["file.id", "file of an upload"],
  ["container.id", "container of messages"],
  ["output.*.container_id", "container of a response"],
  ["response.responsesFile", "result"],
  ["output_file_id", "result"],
  ["output_file", "result"],
  ["error_file_id", "result"],
  ["error_file", "result"],
  ["result_files.*", "result"],
  ["metadata.output.responsesFile", "result"],
]);

/** Reads the ids of one response. Each piece is read before the client gets it. */
export class ResponseIds {
  readonly #sink: { write(piece: Uint8Array): void };
  readonly #decompressor: Decompressor | undefined;

  /** Makes the reader for a response. Returns `undefined` if the coding of the response is unknown. */
  static of(
    fields: readonly Field[],
    upstream: string,
    onId: (role: IdRole, id: string) => void,
  ): ResponseIds | undefined {
    // Some servers give JSON another type.
    const isEvents = isEventStream(fields);
    const coding = contentCodingOf(fields);
    if (coding !== "identity" && !canDecode(coding, { side: "upstream", name: upstream })) return undefined;
    return new ResponseIds(
      isEvents,
      onId,
      (sink) =>
        coding === "identity"
          ? undefined
          : new Decompressor({ coding, upstream }, (bytes) => sink.write(bytes)),
    );
  }

  private constructor(
    isEvents: boolean,
    onId: (role: IdRole, id: string) => void,
    decompress: (sink: { write(piece: Uint8Array): void }) => Decompressor | undefined,
  ) {
    const json = new JsonScanner(SELECTED, (path, value) => {
      const role = ROLES.get(path);
      if (role !== undefined && typeof value === "string") onId(role, value);
    });
    const scanner = isEvents ? new EventStreamScanner(json) : json;
    this.#decompressor = decompress(scanner);
    this.#sink = this.#decompressor ?? scanner;
  }

  /** Reads the next piece. Does not keep a reference to it. */
  write(piece: Uint8Array): void {
    this.#sink.write(piece);
  }

  /** The response has ended. Returns a promise only if it was compressed. */
  end(): Promise<unknown> | undefined {
    return this.#decompressor?.end();
  }
}
