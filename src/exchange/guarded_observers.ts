/** Calls the observers of an exchange, so that an error of one of them breaks nothing else. */

import type { Backend } from "../config/config.ts";
import type { AttemptEstimate, ExchangeRecord, ExchangeUsage } from "../exchange_record.ts";
import type { ExchangeAccount, ExchangeObjects, ResponseHead } from "./observers.ts";

/**
 * The most bytes that the observers of a response read in one turn of the event loop. If all events are
 * short, more would block other connections for several milliseconds.
 */
const OBSERVED_STEP_BYTES = 32 * 1024;

/** Where the errors of observers are reported. */
export interface ErrorOwner {
  /** Reports an error that the program did not expect: a bug. */
  readonly unexpected: (error: unknown) => void;
}

/**
 * The account and the objects of one exchange. Their errors are bugs, which must neither break a response nor
 * count as failures of the backend. If one of the two fails, it reads no more of the response, and the other
 * one goes on.
 */
export class GuardedObservers {
  /** `undefined` if the management plane is off, or the client is not identified yet. */
  account: ExchangeAccount | undefined;
  /** `undefined` if there is nothing to learn. */
  objects: ExchangeObjects | undefined;
  readonly #owner: ErrorOwner;
  #hasAccountFailed = false;
  #haveObjectsFailed = false;

  constructor(owner: ErrorOwner) {
    this.#owner = owner;
  }

  /**
   * The most bytes that {@link onPiece} gets in one turn of the event loop. `undefined` if there is no limit.
   */
  get stepBytes(): number | undefined {
    return this.account === undefined && this.objects === undefined ? undefined : OBSERVED_STEP_BYTES;
  }

  /** Returns the estimated usage of an attempt without a response. `undefined` if there is no estimate. */
  onUnanswered(backend: Backend, elapsedMs: number): AttemptEstimate | undefined {
    try {
      return this.account?.onUnanswered(backend, elapsedMs);
    } catch (error) {
      return this.accountFailed(error);
    }
  }

  /** Called when the head of a backend's response has arrived. */
  onResponse(head: ResponseHead, backend: Backend): void {
    try {
      this.account?.onResponse(head, backend);
    } catch (error) {
      this.accountFailed(error);
    }
    try {
      this.objects?.onResponse(head, backend);
    } catch (error) {
      this.#objectsFailed(error);
    }
  }

  /** Called with the next piece of the response's body, which is valid during this call. */
  onPiece(piece: Uint8Array): void {
    if (this.account !== undefined && !this.#hasAccountFailed) {
      try {
        this.account.onPiece(piece);
      } catch (error) {
        this.accountFailed(error);
      }
    }
    if (this.objects !== undefined && !this.#haveObjectsFailed) {
      try {
        this.objects.onPiece(piece);
      } catch (error) {
        this.#objectsFailed(error);
      }
    }
  }

  /** Called with the next piece that the client sends on a WebSocket, which is valid during this call. */
  onClientPiece(piece: Uint8Array): void {
    if (this.account === undefined || this.#hasAccountFailed) return;
    try {
      this.account.onClientPiece(piece);
    } catch (error) {
      this.accountFailed(error);
    }
  }

  /** Whether the response has shown its stop reason or end marker, as far as the account has read it. */
  hasSeenEnd(): boolean {
    if (this.account === undefined || this.#hasAccountFailed) return false;
    try {
      return this.account.hasSeenEnd();
    } catch (error) {
      this.accountFailed(error);
      return false;
    }
  }

  /**
   * Ends the objects, then settles the account. Returns as {@link ExchangeAccount.settle}, and never rejects.
   */
  settle(record: ExchangeRecord): ExchangeUsage | undefined | Promise<ExchangeUsage | undefined> {
    try {
      this.objects?.onEnd();
    } catch (error) {
      this.#objectsFailed(error);
    }
    try {
      const usage = this.account?.settle(record);
      return usage instanceof Promise ? usage.catch((error) => this.accountFailed(error)) : usage;
    } catch (error) {
      return this.accountFailed(error);
    }
  }

  /**
   * Reports an error of the account or of the log. The account settles with what it has read of the response.
   */
  accountFailed(error: unknown): undefined {
    this.#hasAccountFailed = true;
    this.#owner.unexpected(error);
  }

  /** Reports an error of the objects. */
  #objectsFailed(error: unknown): void {
    this.#haveObjectsFailed = true;
    this.#owner.unexpected(error);
  }
}
