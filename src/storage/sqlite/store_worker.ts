/**
 * A worker with a connection to the database. It runs operations in the order of their calls, so that SQLite
 * never blocks the thread that serves requests.
 *
 * Imports only modules of `storage`, `text`, `time` and `principal.ts`: with the narrowest permissions, a
 * worker can read no other source files.
 */

import { messageOf } from "../../text/error_text.ts";
import { StoreError } from "../store.ts";
import { Connection } from "./connection.ts";
import { type ArgumentsOf, OPERATIONS, type Operations, runOperation } from "./operations.ts";
import type { CallMessage, OpenMessage, ReplyMessage } from "./thread_messages.ts";

declare const self: {
  onmessage: ((event: MessageEvent<OpenMessage | CallMessage>) => void) | null;
  postMessage: (reply: ReplyMessage) => void;
};

let file: OpenMessage | undefined;
let connection: Connection | undefined;

self.onmessage = ({ data }) => {
  if ("path" in data) file = data;
  else self.postMessage(reply(data));
};

function reply({ id, name, args }: CallMessage): ReplyMessage {
  try {
    return { id, result: run(name, args) };
  } catch (error) {
    if (error instanceof StoreError) return { id, kind: error.kind, message: error.message };
    return {
      id,
      kind: undefined,
      message: error instanceof Error ? error.stack ?? error.message : messageOf(error),
    };
  }
}

function run(name: string, args: readonly unknown[]): unknown {
  if (name === "close") return connection?.close();
  if (file === undefined) throw new TypeError("the first message names no file");
  if (!isOperation(name)) throw new TypeError(`${name} is not an operation`);
  connection ??= new Connection(file.path, file);
  // `DatabaseThread` sends the arguments of the operation.
  return runOperation(connection, name, args as ArgumentsOf<typeof name>);
}

function isOperation(name: string): name is keyof Operations {
  return Object.hasOwn(OPERATIONS, name);
}
