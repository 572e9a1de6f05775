/** Removes elements from a list of a provider, page by page: objects of other clients, or models that a rule forbids. */

import { ProxyFault } from "../faults.ts";
import { type Field, fieldValue } from "../http/fields.ts";
import { contentCodingOf } from "../payload/content_coding.ts";
import { JsonSyntaxError } from "../payload/json_reader.ts";
import { essenceOf } from "../payload/media_type.ts";
import type { MessageBody } from "../streams/byte_source.ts";
import { readUpTo } from "../streams/read_whole.ts";
import { type ListElement, ListPage } from "./list_page.ts";

/** The longest page, in bytes. OpenAI's longest page of files has 10,000 entries of 300 bytes. */
const MAX_PAGE_BYTES = 16 * 1024 * 1024;
/** The most pages without a kept element that the proxy reads for one request. */
const MAX_PAGES = 50;

/** A response of a backend, as far as a list needs it. */
export interface ListAnswer {
  readonly status: number;
  readonly fields: readonly Field[];
  readonly body: MessageBody | null;
}

/** Decides which elements of a list the client gets. */
export interface ElementFilter {
  /** Why the proxy reads the list, for error messages. */
  readonly purpose: string;
  /** The elements that stay. `bytesOf` gives the JSON text of an element. */
  readonly keptElements: (
    elements: readonly ListElement[],
    bytesOf: (element: ListElement) => Uint8Array,
  ) => Promise<ReadonlySet<ListElement>>;
  /** Whether the rest of the page still names what the client must not see. Undefined: only elements name it. */
  readonly namesForeign?: (rest: Uint8Array) => Promise<boolean>;
}

/** A page of a list with the elements that stay. */
export interface FilteredList<Answer> {
  /** The response with the page. */
  readonly answer: Answer;
  readonly bytes: Uint8Array;
  /** Whether the bytes differ from those of the provider. */
  readonly isChanged: boolean;
}

/**
 * Reads a list, and removes elements. SDKs end a list at a page without elements, so that the next page
 * follows such a page, if the client reads forward. `fetchPage` sends the request with another query. Throws
 * `bad_gateway` for a list that the proxy cannot read.
 */
export async function filterList<Answer extends ListAnswer>(
  filter: ElementFilter,
  { query, cursorName, fetchPage }: {
    /** The raw query of the client. */
    readonly query: string;
    /** The parameter that names the last element of the page before: `after` or `after_id`. */
    readonly cursorName: string;
    readonly fetchPage: (query: string) => Promise<Answer>;
  },
): Promise<FilteredList<Answer>> {
  let pageQuery = query;
  for (let count = 1;; count++) {
    const answer = await fetchPage(pageQuery);
    const bytes = await bytesOf(answer, filter);
    if (answer.status < 200 || answer.status > 299 || bytes.length === 0) {
      return { answer, bytes, isChanged: false };
    }
    if (!/^application\/(?:[\w.+-]+\+)?json$/.test(essenceOf(answer.fields))) {
      throw unreadable(filter, "it is not JSON");
    }
    const page = await readPage(bytes, filter);
    const { elements } = page;
    const kept = await filter.keptElements(elements, (element) => page.bytesOf(element));
    const last = elements.at(-1)?.id;
    const isLast = kept.size > 0 || elements.length === 0 || !page.hasMore || last === undefined ||
      count === MAX_PAGES || /(?:^|&)before/.test(query);
    if (isLast) {
      const left = page.without((element) => kept.has(element));
      if (await filter.namesForeign?.(left) === true) {
        throw unreadable(filter, "it names them outside of the elements of a list");
      }
      return { answer, bytes: left, isChanged: left !== bytes || count > 1 };
    }
    const others = query.split("&").filter((pair) => pair !== "" && !pair.startsWith(`${cursorName}=`));
    pageQuery = [...others, `${cursorName}=${encodeURIComponent(last)}`].join("&");
  }
}

async function bytesOf({ body, fields }: ListAnswer, filter: ElementFilter): Promise<Uint8Array> {
  if (body === null) return new Uint8Array();
  if (contentCodingOf(fields) !== "identity") {
    body.cancel();
    throw unreadable(
      filter,
      `its content-encoding is ${fieldValue(fields, "content-encoding")}, which was not requested`,
    );
  }
  const { bytes, isWhole } = await readUpTo(body, MAX_PAGE_BYTES);
  if (isWhole) return bytes;
  body.cancel();
  throw unreadable(filter, `it is longer than ${MAX_PAGE_BYTES} bytes; request shorter pages`);
}

async function readPage(bytes: Uint8Array, filter: ElementFilter): Promise<ListPage> {
  try {
    return await ListPage.read(bytes);
  } catch (error) {
    if (error instanceof JsonSyntaxError) throw unreadable(filter, `it is malformed JSON: ${error.message}`);
    throw error;
  }
}

function unreadable({ purpose }: ElementFilter, why: string): ProxyFault {
  return new ProxyFault("bad_gateway", `${purpose}, and the proxy cannot read it: ${why}.`);
}
