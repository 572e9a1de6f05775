/**
 * A page of a list that a provider responded with, from which elements can be removed. All other bytes stay.
 */

import { JsonReader, type JsonSpan, jsonText } from "../payload/json_reader.ts";
import { createPause, STEP_BYTES } from "../payload/pace.ts";
import { concat } from "../streams/bytes.ts";

/** An element of a list: where it is in the page, and its id. */
export interface ListElement {
  readonly start: number;
  readonly end: number;
  /** The id as the provider wrote it, or else Google's name. `undefined` if the element has neither. */
  readonly id: string | undefined;
}

/** The most elements of a page. OpenAI's longest page has as many. */
export const MAX_ELEMENTS = 10_000;

interface List {
  readonly elements: ListElement[];
}

/** What a value of a page is. */
interface Place {
  readonly role: "page" | "list" | "element" | "id" | "name" | "first_id" | "last_id" | "has_more";
  readonly list: List | undefined;
}

/** A range of a page, and the bytes in its place. */
interface Cut {
  readonly start: number;
  readonly end: number;
  readonly bytes: Uint8Array;
}

const NONE = new Uint8Array();
const QUOTE = 0x22;
const OPEN_BRACE = 0x7b;
const CURSORS = ["first_id", "last_id", "has_more"] as const;

/** A page of a list in memory, as the provider sent it. */
export class ListPage {
  readonly #bytes: Uint8Array;
  readonly #lists: readonly List[];
  readonly #spans: ReadonlyMap<string, JsonSpan>;

  /** Whether the page has more elements than {@link MAX_ELEMENTS}, so that the proxy has not read its end. */
  readonly isTooLong: boolean;

  private constructor(
    bytes: Uint8Array,
    { lists, spans, isTooLong }: {
      readonly lists: readonly List[];
      readonly spans: ReadonlyMap<string, JsonSpan>;
      readonly isTooLong: boolean;
    },
  ) {
    this.isTooLong = isTooLong;
    this.#bytes = bytes;
    this.#lists = lists;
    this.#spans = spans;
  }

  /** Reads a page. Throws a `JsonSyntaxError`. */
  static async read(bytes: Uint8Array): Promise<ListPage> {
    const lists: List[] = [];
    const spans = new Map<string, JsonSpan>();
    let count = 0;
    let id: string | undefined;
    let name: string | undefined;
    const listPlace = (): Place => {
      const list: List = { elements: [] };
      lists.push(list);
      return { role: "list", list };
    };
    const root: Place = firstByteOf(bytes) === OPEN_BRACE ? { role: "page", list: undefined } : listPlace();
    const reader = new JsonReader<Place>(bytes, {
      root,
      enter(parent, key): Place | undefined {
        if (parent.role === "page") {
          const cursor = CURSORS.find((one) => one === key);
          return cursor === undefined ? listPlace() : { role: cursor, list: undefined };
        }
        if (parent.role === "list" && key === undefined) {
          count++;
          id = name = undefined;
          return { role: "element", list: parent.list };
        }
        if (parent.role === "element" && (key === "id" || key === "name")) {
          return { role: key, list: undefined };
        }
        return undefined;
      },
      ended({ role, list }, span) {
        const text = bytes[span.start] === QUOTE && (role === "id" || role === "name")
          ? jsonText(bytes.subarray(span.start, span.end))
          : undefined;
        if (role === "id") id ??= text;
        else if (role === "name") name ??= text;
        else if (role === "element" && bytes[span.start] === OPEN_BRACE) {
          list?.elements.push({ start: span.start, end: span.end, id: id ?? name });
        } else if (role !== "page" && role !== "list" && role !== "element") spans.set(role, span);
      },
    });
    const pause = createPause();
    // The rest of a page with too many elements is not read.
    while (count <= MAX_ELEMENTS && !reader.step(STEP_BYTES)) await pause();
    return new ListPage(bytes, {
      lists: lists.filter(({ elements }) => elements.length > 0),
      spans,
      isTooLong: count > MAX_ELEMENTS,
    });
  }

  /** All elements, in their order. */
  get elements(): readonly ListElement[] {
    return this.#lists.flatMap(({ elements }) => elements);
  }

  /** The bytes of an element. */
  bytesOf({ start, end }: ListElement): Uint8Array {
    return this.#bytes.subarray(start, end);
  }

  /** Whether the page states if more elements follow. */
  get statesMore(): boolean {
    return this.#spans.has("has_more");
  }

  /** Whether the provider has more elements after this page. */
  get hasMore(): boolean {
    const span = this.#spans.get("has_more");
    return span !== undefined && this.#textOf(span) === "true";
  }

  /**
   * The page without the elements that `isKept` rejects, and with cursors that name kept elements only.
   * `hasMore`: the client gets a next page, also if the provider has none.
   */
  without(
    isKept: (element: ListElement) => boolean,
    { hasMore = false }: { readonly hasMore?: boolean } = {},
  ): Uint8Array {
    const cuts = this.#lists.flatMap(({ elements }) => cutsOf(elements, isKept));
    if (cuts.length === 0) return this.#bytes;
    const kept = this.elements.filter(isKept);
    const idOf = (element: ListElement | undefined) =>
      new TextEncoder().encode(element?.id === undefined ? "null" : JSON.stringify(element.id));
    for (const [name, element] of [["first_id", kept.at(0)], ["last_id", kept.at(-1)]] as const) {
      const span = this.#spans.get(name);
      if (span === undefined || this.#bytes[span.start] !== QUOTE) continue;
      cuts.push({ start: span.start, end: span.end, bytes: idOf(element) });
    }
    const more = this.#spans.get("has_more");
    if (hasMore && more !== undefined) {
      cuts.push({ start: more.start, end: more.end, bytes: new TextEncoder().encode("true") });
    }
    cuts.sort((one, other) => one.start - other.start);
    const parts: Uint8Array[] = [];
    let at = 0;
    for (const { start, end, bytes } of cuts) {
      parts.push(this.#bytes.subarray(at, start), bytes);
      at = end;
    }
    return concat([...parts, this.#bytes.subarray(at)]);
  }

  #textOf({ start, end }: JsonSpan): string {
    return new TextDecoder().decode(this.#bytes.subarray(start, end));
  }
}

/** The ranges to cut out of a list: each with a comma, unless no element is left. */
function cutsOf(elements: readonly ListElement[], isKept: (element: ListElement) => boolean): Cut[] {
  const cuts: Cut[] = [];
  const lastKept = elements.findLastIndex(isKept);
  for (const [index, element] of elements.slice(0, Math.max(0, lastKept)).entries()) {
    const next = elements[index + 1];
    if (!isKept(element) && next !== undefined) {
      cuts.push({ start: element.start, end: next.start, bytes: NONE });
    }
  }
  const start = elements[lastKept]?.end ?? elements[0]?.start;
  const end = elements.at(-1)?.end;
  if (lastKept < elements.length - 1 && start !== undefined && end !== undefined) {
    cuts.push({ start, end, bytes: NONE });
  }
  return cuts;
}

function firstByteOf(bytes: Uint8Array): number | undefined {
  return bytes.find((byte) => byte !== 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0d);
}
