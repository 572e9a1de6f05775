/** The messages between the store and a thread of the database. */

import type { StoreError } from "../store.ts";
import type { ConnectionOptions } from "./connection.ts";

/** The first message to a thread: the file that it opens at the first call. */
export interface OpenMessage extends ConnectionOptions {
  readonly path: string;
}

/** A call of an operation, or the last message: `close` closes the file. */
export interface CallMessage {
  readonly id: number;
  readonly name: string;
  readonly args: readonly unknown[];
}

/** The reply to a call of the same id: the result, or the error with which the call rejects. */
export type ReplyMessage =
  | { readonly id: number; readonly result: unknown }
  | {
    readonly id: number;
    /** The kind of a `StoreError`; `undefined` for another error, which is a mistake in the program. */
    readonly kind: StoreError["kind"] | undefined;
    readonly message: string;
  };
