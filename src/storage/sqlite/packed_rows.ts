/**
 * Exchanges on their way to the thread of the database: one array of numbers and one list of texts, each text once.
 * To send the rows as objects takes ten times as long, because each object repeats the names of its members.
 */

import type { Booking } from "../booking.ts";
import { type ColumnKind, EXCHANGE_COLUMN_LIST } from "../exchange_columns.ts";
import type { ExchangeRow } from "../store.ts";

/** The values of rows, one row after the other. */
export interface PackedRows {
  readonly count: number;
  /** Numbers as they are, booleans as 0 and 1, and texts and lists as an index of {@link texts}. NaN is undefined. */
  readonly numbers: Float64Array;
  readonly texts: readonly string[];
}

const COLUMNS = EXCHANGE_COLUMN_LIST.map(({ member, kind, value }) => ({ member, kind, value }));
/** The places of the booking, after those of the columns. */
const HOUR = COLUMNS.length;
const IS_DATED = HOUR + 1;
const MODEL_RULES = HOUR + 2;
const WIDTH = HOUR + 3;
const NO_RULES: readonly string[] = [];

/** Packs rows for a message to the thread of the database, which reads them with {@link unpackedRows}. */
export function packRows(rows: readonly ExchangeRow[]): PackedRows {
  const numbers = new Float64Array(rows.length * WIDTH).fill(NaN);
  const texts = new Texts();
  let at = 0;
  for (const row of rows) {
    for (let index = 0; index < COLUMNS.length; index++) {
      const value = COLUMNS[index]?.value(row);
      if (value === undefined) continue;
      if (typeof value === "number") numbers[at + index] = value;
      else if (typeof value === "boolean") numbers[at + index] = value ? 1 : 0;
      else {numbers[at + index] = texts.indexOf(
          typeof value === "string" ? value : JSON.stringify(value),
          index,
        );}
    }
    const { booking } = row;
    if (booking !== undefined) {
      numbers[at + HOUR] = booking.hour;
      numbers[at + IS_DATED] = booking.isDated ? 1 : 0;
      if (booking.modelRules.length > 0) {
        numbers[at + MODEL_RULES] = texts.indexOf(JSON.stringify(booking.modelRules), MODEL_RULES);
      }
    }
    at += WIDTH;
  }
  return { count: rows.length, numbers, texts: texts.list };
}

/** The rows of {@link packRows}, in their order. Each one is valid until the next one is read. */
export function unpackedRows(packed: PackedRows): Iterable<ExchangeRow> {
  return {
    *[Symbol.iterator]() {
      const row = new UnpackedRow(packed);
      for (let index = 0; index < packed.count; index++) {
        row.at = index * WIDTH;
        // It has a getter for each column, and the booking.
        yield row as unknown as ExchangeRow;
      }
    },
  };
}

/** One row, whose values are read where they are: to build objects would take longer than to send them. */
class UnpackedRow {
  /** Where the row begins in the numbers. */
  at = 0;
  readonly #numbers: Float64Array;
  readonly #texts: readonly string[];

  static {
    for (const [index, { member, kind }] of COLUMNS.entries()) {
      Object.defineProperty(UnpackedRow.prototype, member, { get: UnpackedRow.#getter(kind, index) });
    }
  }

  constructor({ numbers, texts }: PackedRows) {
    this.#numbers = numbers;
    this.#texts = texts;
  }

  get booking(): Booking | undefined {
    const hour = this.#number(HOUR);
    if (hour === undefined) return undefined;
    const rules = this.#text(MODEL_RULES);
    return {
      hour,
      isDated: this.#number(IS_DATED) === 1,
      modelRules: rules === undefined ? NO_RULES : JSON.parse(rules),
    };
  }

  #number(index: number): number | undefined {
    const number = this.#numbers[this.at + index] ?? NaN;
    return Number.isNaN(number) ? undefined : number;
  }

  #text(index: number): string | undefined {
    return this.#texts[this.#numbers[this.at + index] ?? NaN];
  }

  static #getter(kind: ColumnKind, index: number): (this: UnpackedRow) => unknown {
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
          const text = this.#text(index);
          return text === undefined ? undefined : JSON.parse(text);
        };
      default:
        // Text, or one of a list of texts.
        return function () {
          return this.#text(index);
        };
    }
  }
}

/** A list of texts without repeats. */
class Texts {
  readonly list: string[] = [];
  readonly #indexes = new Map<string, number>();
  /** The index of the last text of each column. Most columns have the same text in many rows. */
  readonly #last: number[] = new Array(WIDTH).fill(0);

  /** The index of a text, which is added if it is new. */
  indexOf(text: string, column: number): number {
    const last = this.#last[column] ?? 0;
    if (this.list[last] === text) return last;
    let index = this.#indexes.get(text);
    if (index === undefined) {
      index = this.list.push(text) - 1;
      this.#indexes.set(text, index);
    }
    this.#last[column] = index;
    return index;
  }
}
