/** Background responses and batches in a serving thread. The main thread settles those of all threads. */

import type { AccountsParts } from "../../accounting/accounts.ts";
import type { ObjectResponse } from "../../accounting/settlement/object_response.ts";
import type { HeldAmounts } from "../../accounting/settlement/open_objects.ts";
import type { ReportedPart, Settlement } from "../../accounting/settlement/settlement.ts";
import type { AwaitedObject, ObjectKey } from "../../storage/object_store.ts";
import type { ThreadPort } from "../../workers/thread_port.ts";
import type { ManagementMethods } from "./methods.ts";

/** The most responses that are kept, because the main thread may need their charges later. */
const MAX_RESPONSES = 1_000;

/** The longest wait for the main thread, in milliseconds. */
const LONGEST_WAIT_MS = 1_000;

/** Tells the main thread what responses say about objects. */
export class ThreadObjects implements Pick<AccountsParts["objects"], "hasRoom" | "add" | "received" | "responseEnded"> {
  readonly #port: Pick<ThreadPort<ManagementMethods>, "send" | "flush">;
  readonly #responses = new Map<number, ObjectResponse>();
  #count = 0;

  constructor(port: Pick<ThreadPort<ManagementMethods>, "send" | "flush">) {
    this.#port = port;
  }

  hasRoom(): boolean {
    return true;
  }

  add(object: AwaitedObject, { keys, micros }: HeldAmounts): void {
    const done = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
    this.#port.send("objectAdded", object, { keys, micros }, done);
    this.#port.flush();
    // The client must not get the response before: the reservation is kept even if the process is killed then. Only
    // requests that create such an object wait, for the time of one message.
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
