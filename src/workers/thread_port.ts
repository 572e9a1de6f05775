/** Calls between two threads of the program, in both directions. */

import { inNextTurn } from "../streams/turn.ts";
import { receivedError, type SentError, sentError } from "./sent_error.ts";

/**
 * Functions that another thread can call. Arguments and results are copied, so they must not contain
 * functions.
 */
export type Offered<All> = { readonly [Name in keyof All]: (...args: never[]) => unknown };

/** One side of a channel between two threads: a `Worker`, or within a worker its global scope. */
export interface Channel {
  postMessage(message: unknown): void;
  onmessage: ((event: MessageEvent) => void) | null;
}

/** A message between threads: calls, results or errors. A call without an id expects no reply. */
type Message =
  | { readonly call: string; readonly id: number | undefined; readonly args: readonly unknown[] }
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: SentError };

/** How long a message of {@link ThreadPort.sendLater} waits for further messages, in milliseconds. */
const LATER_MS = 5;

type Functions = Readonly<Record<string, (...args: unknown[]) => unknown>>;

interface Call {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Calls the functions that the other thread offers, and runs the calls from the other thread. All messages of
 * one turn of the event loop are sent together, in their order.
 */
export class ThreadPort<Other extends Offered<Other>> {
  readonly #channel: Channel;
  #offered: Functions;
  readonly #onUnexpected: (error: unknown) => void;
  readonly #calls = new Map<number, Call>();
  readonly #onNextTurn = (): void => this.flush();
  #batch: Message[] = [];
  /** Whether the collected messages will be sent in the next turn of the event loop. */
  #isFlushing = false;
  /** The timer of the messages that wait for others. `undefined` if no message waits. */
  #later: ReturnType<typeof setTimeout> | undefined;
  #count = 0;
  /** Why the other thread has ended. `undefined` if it runs. */
  #closed: string | undefined;

  /** `onUnexpected` gets the error of a call that expects no reply. */
  constructor(
    channel: Channel,
    { offered, onUnexpected }: {
      readonly offered: Readonly<Record<string, (...args: never[]) => unknown>>;
      readonly onUnexpected: (error: unknown) => void;
    },
  ) {
    this.#channel = channel;
    // Both threads run the same program, so the arguments of a call have the types of the function's
    // parameters.
    this.#offered = offered as Functions;
    this.#onUnexpected = onUnexpected;
    channel.onmessage = ({ data }: MessageEvent<readonly Message[]>) => {
      for (const message of data) this.#receive(message);
    };
  }

  /** Offers further functions. */
  offer(further: Readonly<Record<string, (...args: never[]) => unknown>>): void {
    // The arguments have the right types for the same reason as in the constructor.
    this.#offered = { ...this.#offered, ...further as Functions };
  }

  /** Calls a function of the other thread. Rejects with its error, or if the other thread ends. */
  call<Name extends keyof Other & string>(
    name: Name,
    ...args: Parameters<Other[Name]>
  ): Promise<Awaited<ReturnType<Other[Name]>>> {
    return new Promise((resolve, reject) => {
      if (this.#closed !== undefined) return reject(new Error(this.#closed));
      const id = this.#count++;
      // The other thread replies with the result of the called function, so the result has its type.
      this.#calls.set(id, {
        resolve: (result) => resolve(result as Awaited<ReturnType<Other[Name]>>),
        reject,
      });
      this.#post({ call: name, id, args });
    });
  }

  /** Calls a function of the other thread, without waiting for a result. `onUnexpected` gets its error. */
  send<Name extends keyof Other & string>(name: Name, ...args: Parameters<Other[Name]>): void {
    this.#post({ call: name, id: undefined, args });
  }

  /**
   * Does what {@link send} does, but a few milliseconds later, or together with the next other message. Each
   * message wakes the other thread, which costs more than the message itself.
   */
  sendLater<Name extends keyof Other & string>(name: Name, ...args: Parameters<Other[Name]>): void {
    this.#batch.push({ call: name, id: undefined, args });
    this.#later ??= setTimeout(() => this.flush(), LATER_MS);
  }

  /** Sends all messages now. */
  flush(): void {
    clearTimeout(this.#later);
    this.#later = undefined;
    this.#isFlushing = false;
    const batch = this.#batch;
    this.#batch = [];
    if (batch.length > 0 && this.#closed === undefined) this.#channel.postMessage(batch);
  }

  /** Rejects all calls with a reason, because the other thread has ended. */
  close(reason: string): void {
    this.#closed = reason;
    clearTimeout(this.#later);
    const calls = [...this.#calls.values()];
    this.#calls.clear();
    for (const { reject } of calls) reject(new Error(reason));
  }

  #post(message: Message): void {
    this.#batch.push(message);
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    inNextTurn(this.#onNextTurn);
  }

  #receive(message: Message): void {
    if (this.#closed !== undefined) return;
    if ("call" in message) return void this.#run(message);
    const call = this.#calls.get(message.id);
    this.#calls.delete(message.id);
    if ("error" in message) call?.reject(receivedError(message.error));
    else call?.resolve(message.result);
  }

  async #run({ call, id, args }: Extract<Message, { call: string }>): Promise<void> {
    try {
      const offered = this.#offered[call];
      if (offered === undefined) throw new TypeError(`${call} is not offered`);
      const running = offered(...args);
      const result = running instanceof Promise ? await running : running;
      if (id !== undefined) this.#post({ id, result });
    } catch (error) {
      if (id === undefined) this.#onUnexpected(error);
      else this.#post({ id, error: sentError(error) });
    }
  }
}
