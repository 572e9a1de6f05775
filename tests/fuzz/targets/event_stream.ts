/** Server-sent events as a whole text says them, line by line (WHATWG HTML, 9.2.6). */

/** An event as it stands in a stream. */
export interface NaiveEvent {
  /** With its lines' ends and the empty line behind it. */
  readonly raw: string;
  /** The values of its lines of data, without the blank behind the colon. */
  readonly data: readonly string[];
  /** Where the only line of data that is not empty stands within {@link raw}, behind its colon. */
  readonly dataAt: number;
  /** Whether the last line of data ends in a line end. */
  readonly hasDataEnded: boolean;
}

const LINE = /([^\r\n]*)(\r\n|\n|\r|$)/y;
const BYTE_ORDER_MARK = "\xef\xbb\xbf";

/** The events of a stream in Latin-1, without its byte order mark. The last one may lack its empty line. */
export function naiveEvents(stream: string, { hasMark = true } = {}): NaiveEvent[] {
  const events: NaiveEvent[] = [];
  let [raw, data, dataAt, hasDataEnded]: [string, string[], number, boolean] = ["", [], -1, false];
  for (let at = 0; at < stream.length;) {
    LINE.lastIndex = at;
    const [whole = "", line = ""] = LINE.exec(stream) ?? [];
    const markBytes = hasMark && at === 0 && line.startsWith(BYTE_ORDER_MARK) ? BYTE_ORDER_MARK.length : 0;
    const plain = line.slice(markBytes);
    if (plain === "data" || plain.startsWith("data:")) {
      const value = plain.slice(5).replace(/^ /, "");
      data.push(value);
      if (value !== "") dataAt = raw.length + markBytes + 5;
      hasDataEnded = whole.length > line.length;
    }
    raw += whole;
    at += whole.length;
    if (plain !== "") continue;
    events.push({ raw, data, dataAt, hasDataEnded });
    [raw, data, dataAt, hasDataEnded] = ["", [], -1, false];
  }
  return raw === "" ? events : [...events, { raw, data, dataAt, hasDataEnded }];
}
