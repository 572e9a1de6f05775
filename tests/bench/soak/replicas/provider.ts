/** The provider behind the replicas. It writes a bill of every request that reached it. */

import { SECRETS } from "../../../support/data/secrets.ts";

/** The header with the number of a request. */
export const SERIAL_HEADER = "x-soak-serial";
/** The header with the name of the token that a request was sent with. */
export const TOKEN_HEADER = "x-soak-token";
/** Clients ask for so many tokens of output at most. */
export const MOST_OUTPUT = 1_500;

/** A request as the provider knows it. Times are those of `performance.now`, in milliseconds. */
export interface Billed {
  readonly serial: number;
  /** The name of its token in the soak. */
  readonly token: string;
  readonly arrivedAt: number;
  /** When its response was ready. `undefined` while it runs. */
  endedAt: number | undefined;
}

/** What a request of this number uses. */
export function outputTokensOf(serial: number): number {
  return 500 + serial % 1_000;
}

/** What a request of this number costs, in micro-dollars: a million tokens of output of gpt-4o-mini are $0.60. */
export function costOf(serial: number): number {
  return Math.round(outputTokensOf(serial) * 0.6);
}

/** A provider that answers after a while, half of the requests as a stream. */
export class Provider implements AsyncDisposable {
  readonly bill = new Map<number, Billed>();
  readonly problems: string[] = [];
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #delayMs: (serial: number) => number;
  readonly #running = new Map<string, number>();
  /** How many requests of a token began while how many ran, the most of each second of `performance.now`. */
  readonly atOnce = new Map<string, Map<number, number>>();

  constructor(delayMs: (serial: number) => number) {
    this.#delayMs = delayMs;
    const onListen = () => {};
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen },
      (request) => this.#answer(request),
    );
  }

  get origin(): string {
    return `http://127.0.0.1:${this.#server.addr.port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }

  async #answer(request: Request): Promise<Response> {
    const serial = Number(request.headers.get(SERIAL_HEADER));
    const token = request.headers.get(TOKEN_HEADER) ?? "";
    if (this.bill.has(serial)) this.problems.push(`${serial} was sent to the provider twice`);
    if (request.headers.get("authorization") !== `Bearer ${SECRETS.openaiKey}`) {
      this.problems.push(`${serial} came without the key of the provider`);
    }
    const billed: Billed = { serial, token, arrivedAt: performance.now(), endedAt: undefined };
    this.bill.set(serial, billed);
    const leave = this.#enter(token, request.signal);
    await request.text();
    await new Promise((resolve) => setTimeout(resolve, this.#delayMs(serial)));
    billed.endedAt = performance.now();
    leave();
    const headers = { "x-request-id": `up-${serial}` };
    if (serial % 2 === 0) return Response.json(wholeAnswer(serial), { headers });
    return new Response(streamOf(serial), { headers: { ...headers, "content-type": "text/event-stream" } });
  }

  /** A request of a killed replica ends here when its connection does. */
  #enter(token: string, signal: AbortSignal): () => void {
    const running = (this.#running.get(token) ?? 0) + 1;
    this.#running.set(token, running);
    const seconds = this.atOnce.get(token) ?? new Map<number, number>();
    this.atOnce.set(token, seconds);
    const second = Math.floor(performance.now() / 1_000);
    seconds.set(second, Math.max(seconds.get(second) ?? 0, running));
    let isIn = true;
    const leave = (): void => {
      if (isIn) this.#running.set(token, (this.#running.get(token) ?? 0) - 1);
      isIn = false;
    };
    signal.addEventListener("abort", leave);
    return leave;
  }
}

function usageOf(serial: number): Record<string, number> {
  const output = outputTokensOf(serial);
  return { prompt_tokens: 0, completion_tokens: output, total_tokens: output };
}

function wholeAnswer(serial: number): unknown {
  const message = { role: "assistant", content: "an answer" };
  return {
    id: `c-${serial}`,
    model: "gpt-4o-mini",
    choices: [{ index: 0, message }],
    usage: usageOf(serial),
  };
}

function streamOf(serial: number): ReadableStream<Uint8Array> {
  const event = (value: unknown) => `data: ${JSON.stringify(value)}\n\n`;
  const part = { model: "gpt-4o-mini", choices: [{ index: 0, delta: { content: "a few words" } }] };
  const last = { model: "gpt-4o-mini", choices: [], usage: usageOf(serial) };
  const text = `${event(part)}${event(part)}${event(last)}data: [DONE]\n\n`;
  return new Blob([text]).stream();
}
