/**
 * Reads the streams of Bedrock: the events of ConverseStream, and the events of a model's native API.
 * InvokeModelWithResponseStream wraps the latter in Base64.
 */

import { AmazonEventReader } from "../../payload/amazon_event_stream.ts";
import { Base64Reader } from "../../payload/base64_reader.ts";
import { JsonScanner } from "../../payload/json_scanner.ts";
import { compileSelection } from "../../payload/json_selection.ts";

/** The wrapped event (`PayloadPart` of `@aws-sdk/client-bedrock-runtime`). */
const WRAPPED = compileSelection({ bytes: "length" });
const WRAPPING_EVENT = "chunk";

/** Passes the JSON of each event to a scanner. */
export class AmazonEventScanner {
  readonly #events: AmazonEventReader;

  constructor(json: JsonScanner) {
    const texts = new Base64Reader((bytes) => json.write(bytes));
    const wrapped = new JsonScanner(WRAPPED, () => {}, { texts });
    let scanner = json;
    this.#events = new AmazonEventReader({
      begin: (eventType) => scanner = eventType === WRAPPING_EVENT ? wrapped : json,
      payload: (bytes, from, to) => scanner.write(bytes, from, to),
      end() {
        wrapped.reset();
        json.reset();
      },
    });
  }

  /** Reads the next piece of the stream. Does not keep a reference to it. */
  write(bytes: Uint8Array): void {
    this.#events.write(bytes);
  }
}
