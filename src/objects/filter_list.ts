/**
 * Removes elements from a list of a provider, page by page: objects of other clients, or models that a rule
 * forbids.
 */

import { ProxyFault } from "../faults.ts";
import { type Field, fieldValue } from "../http/fields.ts";
import { contentCodingOf } from "../payload/content_coding.ts";
import { JsonSyntaxError } from "../payload/json_reader.ts";
import { essenceOf } from "../payload/media_type.ts";
import type { MessageBody } from "../streams/byte_source.ts";
import { readUpTo } from "../streams/read_whole.ts";
import { counted } from "../text/counted.ts";
import { type ListElement, ListPage, MAX_ELEMENTS } from "./list_page.ts";
import type { ListPaging } from "./list_paging.ts";

/** The longest page, in bytes. OpenAI's longest page of files has 10,000 entries of 300 bytes. */
const MAX_PAGE_BYTES = 4 * 1024 * 1024;
/** The most pages that the proxy requests for one request of a client. */
const MAX_PAGES = 10;
/** The memory of an element besides its bytes, about. */
const ELEMENT_BYTES = 200;

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
  /**
   * Whether the rest of the page still names what the client must not see. `undefined` if only elements name
   * it.
   */
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

/** How {@link filterList} gets pages, and the memory for them. */
export interface ListSource<Answer> {
  readonly paging: ListPaging;
  /** Sends the request with another query. */
  readonly fetchPage: (query: string) => Promise<Answer>;
  /** Called before each page after the first one. Throws if the client may not request so many. */
  readonly beforePage: (count: number) => Promise<void> | undefined;
  readonly memory: {
    /** Sets how many bytes the list takes. Throws if there is not enough memory. */
    readonly hold: (bytes: number) => void;
    /** Runs work after other work for the same client. */
    readonly inTurn: <Result>(work: () => Promise<Result>) => Promise<Result>;
  };
}

/**
 * The next page to request: where it begins, and its limit. Undefined members are those of the client's
 * query.
 */
interface NextPage {
  readonly cursor: string | undefined;
  readonly limit: number | undefined;
}

/**
 * What came of one page: the list for the client, or the last element of a page without an element for the
 * client.
 */
type PageResult =
  | { readonly bytes: Uint8Array; readonly isChanged: boolean }
  | { readonly next: string | undefined; readonly skipped: number };

/**
 * Reads a list, and removes elements. SDKs end a list at a page without elements, so that the next page
 * follows such a page. From the second page on the proxy requests pages as long as the provider has, and the
 * client gets as many elements as it asked for. Throws `bad_gateway` for a list that the proxy cannot read,
 * and `bad_request` for one with too long pages, or with too many pages that the client gets nothing of.
 */
export async function filterList<Answer extends ListAnswer>(
  filter: ElementFilter,
  { paging, fetchPage, beforePage, memory }: ListSource<Answer>,
): Promise<FilteredList<Answer>> {
  let page: NextPage = { cursor: undefined, limit: undefined };
  /** Whether the provider may be asked for longer pages than the client wants. */
  let mayRaise = true;
  let skipped = 0;
  /** The stated length of the last page that was too long. */
  let tooLongBytes: number | undefined;
  for (let count = 1; count <= MAX_PAGES; count++) {
    if (count > 1) await beforePage(count);
    const answer = await fetchPage(paging.query(page));
    const bytes = await bytesOf(answer, filter, (length) => memory.hold(length));
    if (bytes === undefined) {
      // A page with the same length comes from a provider that ignores the limit.
      const length = answer.body?.length;
      const limit = length !== undefined && length === tooLongBytes ? undefined : paging.shorter(page.limit);
      tooLongBytes = length;
      if (limit === undefined) throw tooLong(filter, paging);
      page = { ...page, limit };
      mayRaise = false;
      continue;
    }
    if (answer.status < 200 || answer.status > 299 || bytes.length === 0) {
      if (page.limit === undefined || !mayRaise) return { answer, bytes, isChanged: false };
      // The provider has no pages that are so long.
      page = { ...page, limit: undefined };
      mayRaise = false;
      continue;
    }
    const read = () =>
      filteredPage(bytes, {
        filter,
        paging,
        memory,
        fields: answer.fields,
        isResized: page.limit !== undefined,
      });
    const result = await memory.inTurn(read);
    if ("bytes" in result) {
      return { answer, bytes: result.bytes, isChanged: result.isChanged || count > 1 };
    }
    skipped += result.skipped;
    if (result.next === undefined) break;
    page = { cursor: result.next, limit: mayRaise ? paging.longest(page.limit) : page.limit };
  }
  throw new ProxyFault(
    "bad_request",
    `${filter.purpose}. The first ${
      counted(skipped, "element")
    } are all removed, and the proxy reads no further: ` +
      `begin the list at an element of yours with ${paging.cursorName}, or request each by its id.`,
  );
}

/** Removes the elements of a page. */
async function filteredPage(
  bytes: Uint8Array,
  { filter, paging, memory, fields, isResized }: {
    readonly filter: ElementFilter;
    readonly paging: ListPaging;
    readonly memory: Pick<ListSource<ListAnswer>["memory"], "hold">;
    readonly fields: readonly Field[];
    readonly isResized: boolean;
  },
): Promise<PageResult> {
  if (!/^application\/(?:[\w.+-]+\+)?json$/.test(essenceOf(fields))) {
    throw unreadable(filter, "it is not JSON");
  }
  const page = await readPage(bytes, filter);
  const { elements } = page;
  // A client could not know that a page with another limit is not the end of the list.
  if (page.isTooLong || isResized && !page.statesMore) throw tooLong(filter, paging);
  // The page, and the same page without some elements.
  memory.hold(bytes.buffer.byteLength + bytes.length + elements.length * ELEMENT_BYTES);
  const allowed = await filter.keptElements(elements, (element) => page.bytesOf(element));
  const next = (paging.isBackward ? elements.at(0) : elements.at(-1))?.id;
  if (allowed.size === 0 && elements.length > 0 && page.hasMore) return { next, skipped: elements.length };
  const kept = isResized ? paging.wanted(elements.filter((element) => allowed.has(element))) : allowed;
  const left = page.without((element) => kept.has(element), { hasMore: kept.size < allowed.size });
  if (await filter.namesForeign?.(left) === true) {
    throw unreadable(filter, "it names them outside of the elements of a list");
  }
  return { bytes: left, isChanged: left !== bytes };
}

/** The bytes of a page. `undefined` if it is too long. */
async function bytesOf(
  { body, fields }: ListAnswer,
  filter: ElementFilter,
  hold: (bytes: number) => void,
): Promise<Uint8Array | undefined> {
  if (body === null) return new Uint8Array();
  let isRead = false;
  try {
    if (contentCodingOf(fields) !== "identity") {
      throw unreadable(
        filter,
        `its content-encoding is ${fieldValue(fields, "content-encoding")}, which was not requested`,
      );
    }
    if (body.length !== undefined && body.length > MAX_PAGE_BYTES) return undefined;
    const { bytes, isWhole } = await readUpTo(body, MAX_PAGE_BYTES, (length) => {
      // The buffer has spare room.
      if (length <= MAX_PAGE_BYTES) hold(length + (length >> 1));
    });
    isRead = isWhole;
    return isWhole ? bytes : undefined;
  } finally {
    if (!isRead) body.cancel();
  }
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

function tooLong({ purpose }: ElementFilter, { limitName }: ListPaging): ProxyFault {
  return new ProxyFault(
    "bad_request",
    `${purpose}, and the list is longer than ${
      MAX_PAGE_BYTES / 1024 / 1024
    } MiB or ${MAX_ELEMENTS} elements. ` +
      `Request shorter pages: send ${limitName} with a smaller number.`,
  );
}
