/** The responses of a realtime session that have not ended. */

import { UnseenTime } from "../estimates/unseen_time.ts";
import type { ClientSound } from "./client_sound.ts";

/** The most simultaneous responses that are counted separately. */
export const MAX_RESPONSES = 500;
/** The id for messages of which the proxy does not know whether they are part of a response. */
export const UNKNOWN = "?";
/** The id for messages of a response that do not name it. */
export const UNNAMED = "";

/** The part of a response that has arrived. */
export interface PartialResponse {
  /** The estimated tokens of its text. */
  text: number;
  /** The bytes of its audio, in base64. */
  audio: number;
  /** The bytes of the sound that the client sent for it. */
  heard: number;
  /** The time without visible output. `undefined` if it is not measured. */
  readonly unseen?: UnseenTime | undefined;
}

/** Keeps the responses that have begun, and the number of those that the client has requested. */
export class OpenResponses {
  readonly #sound: ClientSound;
  readonly #now: (() => number) | undefined;
  readonly #begun = new Map<string, PartialResponse>();
  /** The responses above the limit, together. */
  #others: PartialResponse | undefined;
  /** The responses that the client has requested and that have not begun. */
  #due = 0;

  /** `now` is the time in milliseconds of a monotonic clock. Without it, invisible output does not count. */
  constructor(sound: ClientSound, now: (() => number) | undefined) {
    this.#sound = sound;
    this.#now = now;
  }

  /** Whether no response runs, and none has been requested. */
  get isEmpty(): boolean {
    const begun = this.#begun.size - (this.#begun.has(UNKNOWN) ? 1 : 0);
    return begun === 0 && this.#others === undefined && this.#due === 0;
  }

  /** Called when the client requests a response. */
  requested(): void {
    this.#due = Math.min(this.#due + 1, MAX_RESPONSES);
  }

  /** Adds a part to the response with the id. Its first part begins the response. */
  add(id: string, { text = 0, audio = 0 }: { readonly text?: number; readonly audio?: number }): void {
    const response = this.#begun.get(id) ?? this.#begin(id);
    response.text += text;
    response.audio += audio;
    if (this.#now !== undefined) response.unseen?.seen(response.text + response.audio, this.#now());
  }

  /** The milliseconds in which a response had no visible output. */
  unseenMs({ unseen }: PartialResponse): number {
    return unseen === undefined || this.#now === undefined ? 0 : unseen.sum(this.#now());
  }

  /** Ends the response with the id. Without an id, ends all. Returns the parts that may belong to it. */
  end(id: string | undefined): PartialResponse[] {
    const ids = id === undefined ? [...this.#begun.keys()] : new Set([id, UNNAMED, UNKNOWN]);
    const ended: PartialResponse[] = [];
    for (const one of ids) {
      const response = this.#begun.get(one);
      if (response !== undefined) ended.push(response);
      this.#begun.delete(one);
    }
    this.#due = 0;
    return ended;
  }

  /** Called when the usage of the messages is known that may be part of no response. */
  forgetUnknown(): void {
    this.#begun.delete(UNKNOWN);
  }

  /** Returns the responses that the end of the session cuts off. */
  cutOff(): {
    readonly responses: readonly PartialResponse[];
    readonly unknown: PartialResponse | undefined;
  } {
    const unknown = this.#begun.get(UNKNOWN);
    const responses = [...this.#begun.values()].filter((one) => one !== unknown);
    if (this.#others !== undefined) responses.push(this.#others);
    const latest = responses.at(-1);
    if (latest !== undefined) latest.heard += this.#sound.takeLater();
    // A server rejects most requests for a response while another one runs.
    for (let due = responses.length; due < this.#due; due++) {
      responses.push({ text: 0, audio: 0, heard: due === 0 ? this.#sound.sinceResponse : 0 });
    }
    return { responses, unknown };
  }

  #begin(id: string): PartialResponse {
    // An event without an id may follow the end of its response.
    const isMeasured = this.#now !== undefined && id !== UNKNOWN && id !== UNNAMED;
    const unseen = isMeasured ? new UnseenTime(this.#now()) : undefined;
    const begun: PartialResponse = { text: 0, audio: 0, heard: 0, unseen };
    if (id === UNKNOWN) {
      this.#begun.set(id, begun);
      return begun;
    }
    if (this.#due > 0) this.#due--;
    begun.heard = this.#sound.takeResponse();
    if (this.#begun.size < MAX_RESPONSES) this.#begun.set(id, begun);
    else if (this.#others === undefined) this.#others = begun;
    else {
      this.#others.heard += begun.heard;
      return this.#others;
    }
    return begun;
  }
}
