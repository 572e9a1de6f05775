/** Background responses and batches in a serving thread. The main thread settles those of all threads. */

import type { AccountsParts } from "../../accounting/accounts.ts";
import type { ObjectResponse } from "../../accounting/settlement/object_response.ts";
import {
  creatorKey,
  type HeldAmounts,
  type ObjectCreator,
} from "../../accounting/settlement/open_objects.ts";
import type { ReportedPart, Settlement } from "../../accounting/settlement/settlement.ts";
import type { AwaitedObject, ObjectKey } from "../../storage/object_store.ts";
import type { Clock } from "../../time/clock.ts";
import type { ThreadPort } from "../../workers/thread_port.ts";
import type { ManagementMethods } from "./methods.ts";

/** The most responses that are kept, because the main thread may need their charges later. */
const MAX_RESPONSES = 1_000;

/**
 * After this time, a creator without room may create an object again, and the main thread says whether it has
 * room.
 */
const FULL_MS = 10_000;
/** The most creators without room that are remembered. */
const MAX_FULL = 10_000;
/** The longest wait for the main thread, in milliseconds. */
const LONGEST_WAIT_MS = 1_000;

/** Tells the main thread what responses say about objects. */
export class ThreadObjects
  implements Pick<AccountsParts["objects"], "hasRoom" | "add" | "received" | "responseEnded"> {
  readonly #port: Pick<ThreadPort<ManagementMethods>, "send" | "flush">;
  readonly #clock: Clock;
  readonly #responses = new Map<number, ObjectResponse>();
  /** Until when no further object can be awaited, by the key of the creator. In milliseconds of the clock. */
  readonly #full = new Map<string, number>();
  #count = 0;

  constructor(port: Pick<ThreadPort<ManagementMethods>, "send" | "flush">, clock: Clock) {
    this.#port = port;
    this.#clock = clock;
  }

  hasRoom(creator: ObjectCreator): boolean {
    const until = this.#full.get(creatorKey(creator));
    return until === undefined || until <= this.#clock.now();
  }

  /** No further object of a creator can be awaited for a while. */
  noRoom(creator: ObjectCreator): void {
    this.#full.set(creatorKey(creator), this.#clock.now() + FULL_MS);
    const [oldest] = this.#full.keys();
    if (this.#full.size > MAX_FULL && oldest !== undefined) this.#full.delete(oldest);
  }

  add(object: AwaitedObject, { keys, micros }: HeldAmounts): void {
    const done = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
    this.#port.send("objectAdded", object, { keys, micros }, done);
    this.#port.flush();
    // The client must not get the response before: the reservation is kept even if the process is killed
    // then. Only requests that create such an object wait, for the time of one message.
    Atomics.wait(new Int32Array(done), 0, 0, LONGEST_WAIT_MS);
  }

  received(at: ObjectKey, bytes: number): void {
    this.#port.send("objectReceived", at, bytes);
    this.#port.flush();
  }

  responseEnded(response: ObjectResponse): void {
    const id = this.#count++;
    this.#responses.set(id, response);
    const [oldest] = this.#responses.keys();
    if (this.#responses.size > MAX_RESPONSES && oldest !== undefined) this.#responses.delete(oldest);
    const { request, endpoint, providerAccount, summary, isWhole } = response;
    this.#port.send("objectEnded", id, {
      request,
      endpoint,
      providerAccount,
      summary,
      isWhole,
      receivedBytes: response.receivedBytes(),
      ownObject: response.asOwnObject(""),
    });
    this.#port.flush();
  }

  /** The charge of an object by a response. Throws if the response is no longer kept. */
  charge(id: number, object: AwaitedObject, part: ReportedPart): Settlement | Promise<Settlement> {
    const response = this.#responses.get(id);
    if (response === undefined) throw new RangeError("the thread no longer has the response");
    return response.charge(object, part);
  }
}
