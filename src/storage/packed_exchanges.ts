/**
 * Exchanges that wait for the database: numbers in one array, and texts as bytes in another one. Objects in a
 * queue would live long enough for the garbage collector to copy them twice, with the heads that their texts
 * are parts of. Two arrays also take a tenth of the time to send to another thread, because objects repeat
 * the names of their members.
 */

import type { Booking } from "./booking.ts";
import { type ColumnKind, EXCHANGE_COLUMN_LIST } from "./exchange_columns.ts";
import type { ExchangeRow } from "./store.ts";

/** A message with exchanges to another thread, which reads them with {@link exchangesOf}. */
export interface ExchangeMessage {
  readonly count: number;
  /**
   * The values of rows, one row after the other: numbers as they are, booleans as 0 and 1, and texts and
   * lists as a place in the text. NaN is undefined.
   */
  readonly numbers: Float64Array<ArrayBuffer>;
  /** All texts, one after the other, in UTF-8. */
  readonly text: Uint8Array<ArrayBuffer>;
}

const COLUMNS = EXCHANGE_COLUMN_LIST.map(({ member, kind, value }) => ({ member, kind, value }));
/** The places of the booking, after those of the columns. */
const HOUR = COLUMNS.length;
const IS_DATED = HOUR + 1;
const MODEL_RULES = HOUR + 2;
const PAGE = HOUR + 3;
const WIDTH = HOUR + 4;
const NO_RULES: readonly string[] = [];
const FIRST_ROWS = 8;
const FIRST_TEXT_BYTES = 1_024;
/** A batch that had longer texts gives its memory back. */
const KEPT_TEXT_BYTES = 256 * 1024;
/** The place of a text: its length, and this factor times its start. Both count UTF-16 units. */
const START_FACTOR = 2 ** 24;
/** For a text up to this length a loop costs less than a call of the encoder. */
const LOOP_LENGTH = 48;
const MOST_BYTES_PER_UNIT = 3;
const encoder = new TextEncoder();
/** A text that begins with a byte order mark keeps it. */
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/**
 * Exchanges that were packed when they were added. It can be used again after {@link PackedExchanges.clear}.
 */
export class PackedExchanges {
  #numbers = new Float64Array(FIRST_ROWS * WIDTH);
  #text = new Uint8Array(FIRST_TEXT_BYTES);
  #count = 0;
  #textBytes = 0;
  #textUnits = 0;
  /** The last text of each column, and its place. Most columns have the same text in many rows. */
  readonly #lastTexts: (string | undefined)[] = new Array(WIDTH).fill(undefined);
  readonly #lastPlaces: number[] = new Array(WIDTH).fill(NaN);

  /** Packs rows into new memory. */
  static of(rows: Iterable<ExchangeRow>): PackedExchanges {
    const packed = new PackedExchanges();
    for (const row of rows) packed.add(row);
    return packed;
  }

  /** The number of exchanges. */
  get count(): number {
    return this.#count;
  }

  /** The bytes that the exchanges take. */
  get bytes(): number {
    return this.#count * WIDTH * Float64Array.BYTES_PER_ELEMENT + this.#textBytes;
  }

  /** Adds an exchange. Nothing refers to `row` afterwards. */
  add(row: ExchangeRow): void {
    const begin = this.#count * WIDTH;
    if (begin === this.#numbers.length) this.#growNumbers();
    const numbers = this.#numbers;
    for (let index = 0; index < COLUMNS.length; index++) {
      const value = COLUMNS[index]?.value(row);
      numbers[begin + index] = value === undefined
        ? NaN
        : typeof value === "number"
        ? value
        : typeof value === "boolean"
        ? value ? 1 : 0
        : this.#placeOf(typeof value === "string" ? value : JSON.stringify(value), index);
    }
    const { booking } = row;
    numbers[begin + HOUR] = booking === undefined ? NaN : booking.hour;
    numbers[begin + IS_DATED] = booking?.isDated === true ? 1 : 0;
    numbers[begin + MODEL_RULES] = booking === undefined || booking.modelRules.length === 0
      ? NaN
      : this.#placeOf(JSON.stringify(booking.modelRules), MODEL_RULES);
    numbers[begin + PAGE] = booking?.page ?? NaN;
    this.#count++;
  }

  /** The pages of costs that exchanges are on, with their numbers of exchanges. */
  pages(): Map<number, number> {
    const pages = new Map<number, number>();
    for (let at = PAGE; at < this.#count * WIDTH; at += WIDTH) {
      const page = this.#numbers[at] ?? NaN;
      if (!Number.isNaN(page)) pages.set(page, (pages.get(page) ?? 0) + 1);
    }
    return pages;
  }

  /** The exchanges in their order. They are valid until {@link clear}. */
  rows(): ExchangeRow[] {
    const message = {
      count: this.#count,
      numbers: this.#numbers,
      text: this.#text.subarray(0, this.#textBytes),
    };
    const text = decoder.decode(message.text);
    return Array.from({ length: this.#count }, (_, index) => rowAt(index, new PackedRow(message, text)));
  }

  /** A message with the exchanges. Its arrays are copies, which can be transferred. */
  message(): ExchangeMessage {
    return {
      count: this.#count,
      numbers: this.#numbers.slice(0, this.#count * WIDTH),
      text: this.#text.slice(0, this.#textBytes),
    };
  }

  /** Removes all exchanges. The memory stays for the next ones. */
  clear(): void {
    this.#count = this.#textBytes = this.#textUnits = 0;
    this.#lastTexts.fill(undefined);
    if (this.#text.length > KEPT_TEXT_BYTES) this.#text = new Uint8Array(FIRST_TEXT_BYTES);
  }

  /** The place of a text, which is added if it is not the last one of its column. */
  #placeOf(text: string, column: number): number {
    if (this.#lastTexts[column] === text) return this.#lastPlaces[column] ?? NaN;
    const place = this.#textUnits * START_FACTOR + text.length;
    this.#append(text);
    this.#lastTexts[column] = text;
    this.#lastPlaces[column] = place;
    return place;
  }

  #append(text: string): void {
    const { length } = text;
    const begin = this.#textBytes;
    if (begin + length * MOST_BYTES_PER_UNIT > this.#text.length) {
      this.#growText(length * MOST_BYTES_PER_UNIT);
    }
    this.#textUnits += length;
    if (length <= LOOP_LENGTH) {
      let index = 0;
      for (; index < length; index++) {
        const unit = text.charCodeAt(index);
        if (unit > 0x7f) break;
        this.#text[begin + index] = unit;
      }
      if (index === length) {
        this.#textBytes = begin + length;
        return;
      }
    }
    this.#textBytes += encoder.encodeInto(text, this.#text.subarray(begin)).written;
  }

  #growNumbers(): void {
    const grown = new Float64Array(this.#numbers.length * 2);
    grown.set(this.#numbers);
    this.#numbers = grown;
  }

  #growText(more: number): void {
    const grown = new Uint8Array(Math.max(this.#text.length * 2, this.#textBytes + more));
    grown.set(this.#text.subarray(0, this.#textBytes));
    this.#text = grown;
  }
}

/** The exchanges of a message, in their order. Each one is valid until the next one is read. */
export function exchangesOf(message: ExchangeMessage): Iterable<ExchangeRow> {
  // One decoder call for all texts. The texts of rows are then slices, which copy nothing.
  const text = decoder.decode(message.text);
  return {
    *[Symbol.iterator]() {
      const row = new PackedRow(message, text);
      for (let index = 0; index < message.count; index++) yield rowAt(index, row);
    },
  };
}

function rowAt(index: number, row: PackedRow): ExchangeRow {
  row.at = index * WIDTH;
  // It has a getter for each column, and the booking.
  return row as unknown as ExchangeRow;
}

/** One row, whose values are read where they are: to build objects would take longer than to send them. */
class PackedRow {
  /** Where the row begins in the numbers. */
  at = 0;
  readonly #numbers: Float64Array;
  readonly #text: string;

  static {
    for (const [index, { member, kind }] of COLUMNS.entries()) {
      Object.defineProperty(PackedRow.prototype, member, { get: PackedRow.#getter(kind, index) });
    }
  }

  constructor({ numbers }: Pick<ExchangeMessage, "numbers">, text: string) {
    this.#numbers = numbers;
    this.#text = text;
  }

  get booking(): Booking | undefined {
    const hour = this.#number(HOUR);
    if (hour === undefined) return undefined;
    const rules = this.#textAt(MODEL_RULES);
    const page = this.#number(PAGE);
    return {
      hour,
      isDated: this.#number(IS_DATED) === 1,
      modelRules: rules === undefined ? NO_RULES : JSON.parse(rules),
      ...page !== undefined && { page },
    };
  }

  #number(index: number): number | undefined {
    const number = this.#numbers[this.at + index] ?? NaN;
    return Number.isNaN(number) ? undefined : number;
  }

  #textAt(index: number): string | undefined {
    const place = this.#numbers[this.at + index] ?? NaN;
    if (Number.isNaN(place)) return undefined;
    const start = Math.floor(place / START_FACTOR);
    return this.#text.slice(start, start + place % START_FACTOR);
  }

  static #getter(kind: ColumnKind, index: number): (this: PackedRow) => unknown {
    switch (kind) {
      case "integer":
      case "real":
      case "time":
        return function () {
          return this.#number(index);
        };
      case "boolean":
        return function () {
          const number = this.#number(index);
          return number === undefined ? undefined : number === 1;
        };
      case "attempts":
        return function () {
          const text = this.#textAt(index);
          return text === undefined ? undefined : JSON.parse(text);
        };
      default:
        // Text, or one of a list of texts.
        return function () {
          return this.#textAt(index);
        };
    }
  }
}
