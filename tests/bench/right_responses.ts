/** A fast proxy that gives wrong answers is no candidate: what each must do right before it is measured. */

import { UPSTREAM_KEY } from "./candidates/candidate.ts";
import { ANSWER, ANSWER_TEXT, QUESTION, STREAM_QUESTION } from "./question.ts";
import type { Subject } from "./stage.ts";

/** How long the first event of a stream may take. A proxy that gathers the stream never passes it on. */
const EVENT_DEADLINE_MS = 5_000;

interface Received {
  readonly method: string;
  readonly target: string;
  readonly headers: Headers;
  readonly body: string;
}

/** The part of a candidate that runs which the checks need. */
export type CheckedSubject = Pick<Subject, "candidate" | "url" | "headers">;

/**
 * An upstream in this process. The query of a request says what it answers; it keeps what it received last.
 */
export class CheckingUpstream implements AsyncDisposable {
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  #received: Received | undefined;
  #release: () => void = () => {};

  readonly #eventDeadlineMs: number;

  /** Starts to listen. */
  constructor({ eventDeadlineMs = EVENT_DEADLINE_MS }: { readonly eventDeadlineMs?: number } = {}) {
    this.#eventDeadlineMs = eventDeadlineMs;
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      (request) => this.#answer(request),
    );
  }

  /** The address to forward to. */
  get origin(): string {
    return `http://127.0.0.1:${this.#server.addr.port}`;
  }

  /** Stops to listen. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }

  /**
   * Gives what is wrong with a candidate that forwards to this upstream; nothing if its answers are right.
   */
  async faultsOf(subject: CheckedSubject, client: Deno.HttpClient): Promise<string[]> {
    const faults: string[] = [];
    const check = (what: string, isRight: boolean) => void (isRight || faults.push(what));
    const ask = (query: string, body = QUESTION) =>
      fetch(`${subject.url}${query}`, {
        method: "POST",
        headers: { ...subject.headers, "x-custom": "a value" },
        body,
        client,
      });
    try {
      if (subject.candidate.kind === "gateway") {
        const response = await ask("");
        check("status", response.status === 200);
        check("text of the answer", (await response.text()).includes(ANSWER_TEXT));
        return faults;
      }
      await this.#checkMessage(await ask("?answer=201&q=a%2Fb"), {
        check,
        token: subject.headers["authorization"] ?? "",
      });
      const limited = await ask("?answer=429");
      check("status 429", limited.status === 429 && limited.headers.get("retry-after") === "7");
      check("body of a 429", await limited.text() === ANSWER);
      const compressed = await ask("?answer=gzip");
      check("compressed body", await compressed.text() === ANSWER);
      check("streaming", await this.#isStreamed(ask("?answer=stream", STREAM_QUESTION)));
    } catch (error) {
      faults.push(error instanceof Error ? error.message : String(error));
    }
    return faults;
  }

  async #checkMessage(
    response: Response,
    { check, token }: { check: (what: string, isRight: boolean) => void; token: string },
  ): Promise<void> {
    const body = await response.text();
    const { method, target, headers, body: question } = this.#received ?? { headers: new Headers() };
    check("method", method === "POST");
    check("path and query", target === "/v1/chat/completions?answer=201&q=a%2Fb");
    check("body of the request", question === QUESTION);
    check("a request header", headers.get("x-custom") === "a value");
    check("credential", headers.get("authorization") === `Bearer ${UPSTREAM_KEY}`);
    check("the client's token stays", ![...headers.values()].includes(token));
    check("status 201", response.status === 201);
    check("a response header", response.headers.get("x-answered") === "yes");
    check("two cookies", response.headers.getSetCookie().join() === "a=1,b=2");
    check("body of the answer", body === ANSWER);
  }

  /** The second event leaves when the first one has arrived, or when that takes too long. */
  async #isStreamed(asked: Promise<Response>): Promise<boolean> {
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      this.#release();
    }, this.#eventDeadlineMs);
    const reader = (await asked).body?.pipeThrough(new TextDecoderStream()).getReader();
    const first = await reader?.read();
    clearTimeout(timer);
    this.#release();
    let rest = "";
    for (let part = await reader?.read(); part?.done === false; part = await reader?.read()) {
      rest += part.value;
    }
    return !isLate && first?.value === "data: {}\n\n" && rest === "data: [DONE]\n\n";
  }

  async #answer(request: Request): Promise<Response> {
    const { pathname, search, searchParams } = new URL(request.url);
    const { method, headers } = request;
    this.#received = { method, target: pathname + search, headers, body: await request.text() };
    const json = { "content-type": "application/json" };
    switch (searchParams.get("answer")) {
      case "201": {
        const answered = new Headers({ ...json, "x-answered": "yes" });
        for (const cookie of ["a=1", "b=2"]) answered.append("set-cookie", cookie);
        return new Response(ANSWER, { status: 201, headers: answered });
      }
      case "429":
        return new Response(ANSWER, { status: 429, headers: { ...json, "retry-after": "7" } });
      case "gzip": {
        const body = new Blob([ANSWER]).stream().pipeThrough(new CompressionStream("gzip"));
        const bytes = await new Response(body).arrayBuffer();
        return new Response(bytes, { headers: { ...json, "content-encoding": "gzip" } });
      }
      case "stream": {
        const { promise: released, resolve } = Promise.withResolvers<void>();
        this.#release = resolve;
        const events = async function* () {
          yield "data: {}\n\n";
          await released;
          yield "data: [DONE]\n\n";
        };
        const body = ReadableStream.from(events()).pipeThrough(new TextEncoderStream());
        return new Response(body, { headers: { "content-type": "text/event-stream" } });
      }
      default:
        return new Response(ANSWER, { headers: json });
    }
  }
}
