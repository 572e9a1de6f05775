/**
 * Reads the answers that Bedrock streams: the events of ConverseStream, and those of a model's own API that
 * InvokeModelWithResponseStream wraps in base64.
 */

import { AmazonEventReader } from "../payload/amazon_event_stream.ts";
import { Base64Reader } from "../payload/base64_reader.ts";
import { JsonScanner } from "../payload/json_scanner.ts";
import { compileSelection } from "../payload/json_selection.ts";

/** `PayloadPart` of `@aws-sdk/client-bedrock-runtime`. */
const WRAPPED = compileSelection({ bytes: "length" });
const WRAPPING_EVENT = "chunk";

/** Hands the JSON of each event to a scanner. */
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

  /** The next piece of the stream. It is not kept. */
  write(bytes: Uint8Array): void {
    this.#events.write(bytes);
  }
}
