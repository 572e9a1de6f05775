/** The driver of PostgreSQL, with the types of values that this program reads. */

// @ts-types="./pg_types.d.ts"
import pg from "pg";
import type { ClientConfig } from "./pg_types.d.ts";

/** The numbers of types, from `pg_type.dat` of PostgreSQL. */
const INT8 = 20;
const BYTEA = 17;
const NUMERIC = 1700;

/** A connection to a server, for one query after the other. */
export const Client: typeof pg.Client = pg.Client;
/** A pool of connections to a server, which makes and closes them as they are needed. */
export const Pool: typeof pg.Pool = pg.Pool;

/**
 * How values are read: whole numbers and sums as numbers, because all of them are below 2^53, and bytes as a
 * plain `Uint8Array`.
 */
export const TYPES: ClientConfig["types"] = {
  getTypeParser(oid, format) {
    if (format !== "binary") {
      if (oid === INT8 || oid === NUMERIC) return Number;
      if (oid === BYTEA) return bytesOf;
    }
    return pg.types.getTypeParser(oid, format);
  },
};

/** The bytes of a value in the format `hex`, which all servers since version 9 send. */
function bytesOf(text: string): Uint8Array {
  return Uint8Array.fromHex(text.slice(2));
}
