/** The pages of a list: the parameters by which a request names where a page begins, and how long it is. */

import type { Dialect } from "../apis/dialects.ts";

/** The lengths of pages that the proxy tries after a page that was too long. */
const SHORTER = [1_000, 100, 20] as const;
/** How many elements a page has without a limit. OpenAI's files are the exception, with 10,000. */
const USUAL_LENGTH = 20;
/** The longest pages of each API, and of OpenAI's files. */
const LONGEST: Readonly<Partial<Record<Dialect, number>>> = { anthropic: 1_000, openai: 100, generic: 100 };
const LONGEST_OF_FILES = 10_000;
const FILES = /^(?:\/v\d+)?\/files\/?$/;

/** The queries for the pages of a list, made from the query of the client, by the names of an API. */
export class ListPaging {
  /** The parameter for the length of a page. */
  readonly limitName: string;
  /** The parameter that names the element beside the page. */
  readonly cursorName: string;
  /** Whether the client reads the list from its end to its beginning. */
  readonly isBackward: boolean;
  readonly #pairs: readonly string[];
  /** The limit of the client. `undefined` if it sent none. */
  readonly #limit: number | undefined;
  readonly #longest: number | undefined;
  readonly #isOfFiles: boolean;

  /** `query` is the raw query of the client, and `apiPath` the path after the name of the endpoint. */
  constructor({ query, apiPath, dialect }: { query: string; apiPath: string; dialect: Dialect }) {
    this.#pairs = query.split("&").filter((pair) => pair !== "");
    this.limitName = dialect === "gemini" ? "pageSize" : "limit";
    this.#limit = numberOf(this.#pairs.findLast((pair) => isOf(pair, this.limitName)));
    const before = dialect === "anthropic" ? "before_id" : "before";
    this.isBackward = this.#pairs.some((pair) => isOf(pair, before));
    this.cursorName = this.isBackward ? before : dialect === "anthropic" ? "after_id" : "after";
    this.#isOfFiles = dialect === "openai" && FILES.test(apiPath);
    this.#longest = this.#isOfFiles ? LONGEST_OF_FILES : LONGEST[dialect];
  }

  /** The query for a page. `undefined` if it is the query of the client. */
  query(
    { cursor, limit }: { readonly cursor: string | undefined; readonly limit: number | undefined },
  ): string {
    if (cursor === undefined && limit === undefined) return this.#pairs.join("&");
    const pairs = this.#pairs.filter((pair) =>
      !(cursor !== undefined && isOf(pair, this.cursorName)) &&
      !(limit !== undefined && isOf(pair, this.limitName))
    );
    if (limit !== undefined) pairs.push(`${this.limitName}=${limit}`);
    if (cursor !== undefined) pairs.push(`${this.cursorName}=${encodeURIComponent(cursor)}`);
    return pairs.join("&");
  }

  /**
   * The limit for the longest pages. `undefined` if it is the limit of the client. `limit` is the present
   * one.
   */
  longest(limit: number | undefined): number | undefined {
    const present = limit ?? this.#length;
    return this.#longest !== undefined && this.#longest > present ? this.#longest : limit;
  }

  /** The limit after a page that was too long. `undefined` if no page is shorter. */
  shorter(limit: number | undefined): number | undefined {
    const present = limit ?? this.#limit ?? Infinity;
    return SHORTER.find((one) => one < present);
  }

  /** The elements of a longer page that the client asked for. */
  wanted<Element>(elements: readonly Element[]): ReadonlySet<Element> {
    return new Set(this.isBackward ? elements.slice(-this.#length) : elements.slice(0, this.#length));
  }

  get #length(): number {
    return this.#limit ?? (this.#isOfFiles ? LONGEST_OF_FILES : USUAL_LENGTH);
  }
}

function isOf(pair: string, name: string): boolean {
  return pair.startsWith(`${name}=`);
}

function numberOf(pair: string | undefined): number | undefined {
  const number = Number(pair?.slice(pair.indexOf("=") + 1) || NaN);
  return Number.isSafeInteger(number) && number > 0 ? number : undefined;
}
