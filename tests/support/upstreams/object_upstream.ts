/**
 * A provider of objects that can be looked at again: responses in the background, and batches with their
 * results.
 */

import { chunk, FakeUpstream, plainAnswer } from "./fake_upstream.ts";

const JSON_TYPE = { headers: "Content-Type: application/json\r\n" };
const EVENTS = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";

/** What an object's response says, by method and path: a status, a type and a text. */
export type Answers = Map<string, { status?: string; type?: string; text: string }>;

/** What every background response of {@link ObjectUpstream} uses. */
export const USED = { input_tokens: 1_000, output_tokens: 200, total_tokens: 1_200 };

export class ObjectUpstream implements AsyncDisposable {
  readonly upstream: FakeUpstream;
  /** Objects that are over, with their status. */
  readonly over = new Map<string, { status: string; usage: unknown }>();
  /** Other answers, like `GET /v1/batches/batch_1`. */
  readonly answers: Answers = new Map();
  #made = 0;

  constructor() {
    this.upstream = new FakeUpstream({
      script: async ({ request, body, write, peerClosed }) => {
        let sent = "";
        const decoder = new TextDecoder();
        for await (const piece of body()) sent += decoder.decode(piece, { stream: true });
        const [path = ""] = request.target.split("?");
        const answer = this.answers.get(`${request.method} ${path}`);
        if (answer !== undefined) {
          const headers = `Content-Type: ${answer.type ?? "application/json"}\r\n`;
          return await write(plainAnswer(answer.text, { status: answer.status ?? "200 OK", headers }));
        }
        const [, id] = /\/responses\/(resp_\d+)/.exec(path) ?? [];
        if (id !== undefined && request.method === "DELETE") {
          return await write(
            plainAnswer(JSON.stringify({ id, object: "response.deleted", deleted: true }), JSON_TYPE),
          );
        }
        const made = id ?? `resp_${++this.#made}`;
        const object = this.object(made);
        if (request.target.includes("stream=true") || sent.includes('"stream":true')) {
          const isOver = this.over.has(made);
          const created = { ...object, status: isOver ? "in_progress" : object.status, usage: null };
          await write(EVENTS + chunk(eventOf("response.created", created)));
          if (isOver) return await write(chunk(eventOf("response.completed", object)) + "0\r\n\r\n");
          return await peerClosed();
        }
        await write(plainAnswer(JSON.stringify(object), JSON_TYPE));
      },
    });
  }

  get origin(): string {
    return this.upstream.origin;
  }

  /** A response is over. */
  end(id: string, { status = "completed", usage = USED as unknown } = {}): void {
    this.over.set(id, { status, usage });
  }

  /** `Response` of the `openai` package. */
  object(id: string): { id: string; status: string; usage: unknown } & Record<string, unknown> {
    const over = this.over.get(id);
    return {
      id,
      object: "response",
      created_at: 1_764_000_000,
      status: over?.status ?? "queued",
      background: true,
      error: null,
      incomplete_details: null,
      model: "bill-1",
      output: [],
      usage: over?.usage ?? null,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.upstream[Symbol.asyncDispose]();
  }
}

function eventOf(type: string, response: unknown): string {
  return `event: ${type}\ndata: ${JSON.stringify({ type, response })}\n\n`;
}
