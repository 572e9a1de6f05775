/** The clients of the soak. Each sends requests one after the other, each time to the next replica that is up. */

import { MOST_OUTPUT, SERIAL_HEADER, TOKEN_HEADER } from "./provider.ts";
import type { Life, SoakedReplica } from "./replicas.ts";
import type { SoakToken } from "./tokens.ts";

/** A request as its client saw it. Times are those of `performance.now`, in milliseconds. */
export interface Seen {
  readonly serial: number;
  readonly token: string;
  readonly replica: number;
  readonly life: Life;
  readonly begunAt: number;
  readonly endedAt: number;
  /** `undefined` if no response came. */
  readonly status: number | undefined;
  /** The code of an error of the proxy. */
  readonly code: string | undefined;
  readonly requestId: string | undefined;
  /** The text of an error: of a response with one, or of the connection. `undefined` for a whole good response. */
  readonly error: string | undefined;
}

/** All requests of all clients. */
export class Requests {
  readonly seen: Seen[] = [];
  readonly #replicas: readonly SoakedReplica[];
  #serial = 0;

  constructor(replicas: readonly SoakedReplica[]) {
    this.#replicas = replicas;
  }

  /** Runs clients until the signal. */
  async run(tokens: readonly SoakToken[], clients: number, signal: AbortSignal): Promise<void> {
    const loops = tokens.flatMap((token) =>
      Array.from({ length: Math.max(token.least, Math.round(token.part * clients)) }, async () => {
        while (!signal.aborted) {
          await this.send(token.name, token.value);
          if (token.thinkMs > 0) await pause(token.thinkMs, signal);
        }
      })
    );
    await Promise.all(loops);
  }

  /** Sends a request to the next replica that is up, or to a certain one. */
  async send(token: string, value: string, only?: number): Promise<Seen | undefined> {
    const serial = ++this.#serial;
    const up = this.#replicas.map((_, index) => index).filter((index) => this.#replicas[index]?.isUp);
    const index = only ?? up[serial % up.length];
    const replica = index === undefined ? undefined : this.#replicas[index];
    if (index === undefined || replica?.life === undefined || !replica.isUp) {
      await pause(50);
      return undefined;
    }
    const { life, url } = replica;
    const begunAt = performance.now();
    const outcome = await answerOf(url, { serial, token, value });
    const seen: Seen = {
      serial,
      token,
      replica: index,
      life,
      begunAt,
      endedAt: performance.now(),
      ...outcome,
    };
    this.seen.push(seen);
    return seen;
  }
}

async function answerOf(
  url: string,
  { serial, token, value }: { serial: number; token: string; value: string },
): Promise<Pick<Seen, "status" | "code" | "requestId" | "error">> {
  const isStream = serial % 2 === 1;
  let response: Response | undefined;
  let error: string | undefined;
  try {
    response = await fetch(`${url}/openai/v1/chat/completions`, {
      method: "POST",
      headers: {
        authorization: `Bearer ${value}`,
        "content-type": "application/json",
        [SERIAL_HEADER]: String(serial),
        [TOKEN_HEADER]: token,
        "x-forwarded-for": addressOf(token),
      },
      body: JSON.stringify({
        model: "gpt-4o-mini",
        max_tokens: MOST_OUTPUT,
        messages: [],
        ...(isStream && { stream: true, stream_options: { include_usage: true } }),
      }),
    });
    const text = await response.text();
    if (response.status !== 200) error = text.slice(0, 300);
    else if (isStream && !text.endsWith("data: [DONE]\n\n")) error = "the stream was cut";
  } catch (thrown) {
    error = String(thrown);
  }
  return {
    status: response?.status,
    code: response?.headers.get("x-llm-proxy-error") ?? undefined,
    requestId: response?.headers.get("x-request-id") ?? undefined,
    error,
  };
}

/** Each token has an address, because an address has to wait after many revoked tokens. */
function addressOf(token: string): string {
  const number = Number(/\d+$/.exec(token)?.[0] ?? 0);
  return `10.${number >> 8}.${number & 255}.1`;
}

/** Waits, or until the signal. */
export async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal?.addEventListener("abort", end);
  });
}
