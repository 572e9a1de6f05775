/** Reads the answers of a connection as they come, each by its own framing. */

import { type Fields, NotStrict, readAnswer, valuesOf } from "../strict_reading.ts";

const BAD_REQUEST = 400;

/** An answer that has come whole. */
export interface SeenResponse {
  /** 0: HTTP/2's stream was reset before one came. */
  readonly status: number;
  readonly fields: Fields;
  readonly body: string;
}

/** All answers of one connection. */
export class ResponseReader {
  readonly answers: SeenResponse[] = [];
  readonly #methodOf: (index: number) => string;
  #rest = "";
  #raw = "";
  #complaint: string | undefined;

  /** `methodOf` tells what the request was that an answer belongs to: it decides whether there is a body. */
  constructor(methodOf: (index: number) => string) {
    this.#methodOf = methodOf;
  }

  /** What has come and is no whole answer. */
  get rest(): string {
    return this.#rest;
  }

  /** All that has come. */
  get raw(): string {
    return this.#raw;
  }

  /** Why the rest is no whole answer, if there is a rest. */
  get complaint(): string | undefined {
    return this.#rest === "" ? undefined : this.#complaint;
  }

  /** More has come. */
  push(text: string): void {
    this.#raw += text;
    this.#rest += text;
    this.#take({ hasEnded: false });
  }

  /** The connection has ended, which ends an answer that says no length. */
  end(): void {
    this.#take({ hasEnded: true });
  }

  #take({ hasEnded }: { hasEnded: boolean }): void {
    while (this.#rest !== "") {
      try {
        const { status, fields, body, rest } = this.#next();
        const framing = [...valuesOf(fields, "content-length"), ...valuesOf(fields, "transfer-encoding")];
        const lastsToEnd = framing.length === 0 && status !== 204 && status !== 304 &&
          this.#methodOf(this.answers.length) !== "HEAD";
        if (lastsToEnd && !hasEnded) return;
        this.answers.push({ status, fields, body });
        this.#rest = rest;
      } catch (error) {
        if (!(error instanceof NotStrict)) throw error;
        this.#complaint = error.message;
        return;
      }
    }
  }

  #next(): ReturnType<typeof readAnswer> {
    const method = this.#methodOf(this.answers.length);
    const read = readAnswer(this.#rest, method);
    // A head that is no proper one is refused before its method counts, as every server does it.
    const isWithBody = method === "HEAD" && read.status === BAD_REQUEST && read.rest.startsWith("{");
    return isWithBody ? readAnswer(this.#rest, "GET") : read;
  }
}
