/**
 * A provider that keeps its own bill: of each exchange what it has really written, whether or not anybody
 * took it. Streams are billed by what was sent, and all else by the time until the proxy left.
 */

import { brotliCompressSync, gzipSync } from "node:zlib";
import { gather, HttpReader, type MessageHead, writeAll } from "../../support/clients/http_reader.ts";
import { NO_TOKENS, type Tokens } from "./bill.ts";
import { DIALECTS, responseOf } from "./dialects.ts";
import { type Kind, partsOf } from "./kinds.ts";
import { serveSession } from "./realtime.ts";
import { type Plan, planOf, usedOf, type WorkOptions } from "./work.ts";

/** The bill of one exchange. */
export interface Billed {
  readonly tokens: Tokens;
  /** The answer states all of it, and has been sent. */
  readonly isTold: boolean;
  /** Of attempts that the proxy gave up before it asked another backend. */
  readonly givenUp: Tokens;
}

/** How often a model writes what it has. */
const TICK_MS = 40;
const HEAD = "HTTP/1.1 200 OK\r\n";
const EVENTS = `${HEAD}Content-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n`;
const TOKENS_PER_EVENT = 3;

interface Asked {
  readonly kind: Kind;
  readonly serial: number;
  readonly plan: Plan;
  readonly body: string;
  readonly connection: Deno.Conn;
  /** The proxy has gone. */
  readonly gone: AbortSignal;
}

export class BillingProvider implements AsyncDisposable {
  readonly bills = new Map<number, Billed>();
  /** Whose requests came whole. */
  readonly seen = new Set<number>();
  readonly origin: string;
  /** A backend that fails in the way that the kind of each exchange says. */
  readonly failingOrigin: string;
  readonly #options: (serial: number) => WorkOptions;
  readonly #listeners: Deno.TcpListener[] = [];
  readonly #tasks = new Set<Promise<void>>();
  readonly #connections = new Set<Deno.Conn>();
  /** When the work on background responses began. */
  readonly #background = new Map<number, number>();

  constructor(options: (serial: number) => WorkOptions = () => ({})) {
    this.#options = options;
    this.origin = this.#listen(false);
    this.failingOrigin = this.#listen(true);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const listener of this.#listeners) listener.close();
    for (const connection of this.#connections) close(connection);
    await Promise.all(this.#tasks);
  }

  /** What is decided of an exchange before it begins. */
  plan(kind: Kind, serial: number): Plan {
    return planOf(kind, serial, this.#options(serial));
  }

  #listen(isFailing: boolean): string {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.#listeners.push(listener);
    this.#track(this.#accept(listener, isFailing));
    return `http://127.0.0.1:${listener.addr.port}`;
  }

  #track(task: Promise<void>): void {
    const tracked = task.finally(() => this.#tasks.delete(tracked));
    this.#tasks.add(tracked);
  }

  async #accept(listener: Deno.TcpListener, isFailing: boolean): Promise<void> {
    try {
      for await (const connection of listener) {
        this.#connections.add(connection);
        // A proxy that leaves within an answer leaves a connection that fails.
        const served = this.#serve(connection, isFailing).catch(() => {}).finally(() => {
          this.#connections.delete(connection);
          close(connection);
        });
        this.#track(served);
      }
    } catch (error) {
      if (!(error instanceof Deno.errors.BadResource)) throw error;
    }
  }

  async #serve(connection: Deno.Conn, isFailing: boolean): Promise<void> {
    const reader = new HttpReader(connection);
    while (true) {
      const head = await reader.head();
      if (head === null) return;
      const parts = partsOf(head.startLine);
      if (parts === undefined) throw new Error(`an unknown path: ${head.startLine}`);
      if (parts.kind.isSession === true) {
        const { kind, serial } = parts;
        this.seen.add(serial);
        const bill = (tokens: Tokens, isTold: boolean): void => this.#bill(serial, { tokens, isTold });
        return await serveSession({ connection, reader, head, plan: this.plan(kind, serial), bill });
      }
      const body = new TextDecoder().decode(await gather(reader.body(head.headers, { untilClose: false })));
      const gone = new AbortController();
      reader.fill().then((hasMore) => hasMore || gone.abort());
      const { kind, serial } = parts;
      this.seen.add(serial);
      const asked = { kind, serial, body, connection, plan: this.plan(kind, serial), gone: gone.signal };
      const isKept = isFailing ? await this.#fail(asked) : await this.#answer(asked, head);
      if (!isKept) return;
    }
  }

  #bill(serial: number, more: Partial<Billed>): void {
    const known = this.bills.get(serial) ?? { tokens: NO_TOKENS, isTold: false, givenUp: NO_TOKENS };
    this.bills.set(serial, { ...known, ...more });
  }

  async #fail({ kind, serial, plan, connection, gone }: Asked): Promise<boolean> {
    if (kind.fails === "reset") return false;
    if (kind.fails === "overloaded") {
      await writeAll(connection, json('{"error":{"message":"overloaded"}}', "503 Overloaded"));
      return true;
    }
    const begun = performance.now();
    await rest(Infinity, gone);
    this.#bill(serial, { givenUp: usedOf(...writtenBy(plan, performance.now() - begun)) });
    return false;
  }

  /** False where the connection is not to be used again. */
  async #answer(asked: Asked, head: MessageHead): Promise<boolean> {
    const { kind, serial, plan, connection, gone } = asked;
    if (head.startLine.startsWith("GET ")) return await this.#poll(asked);
    if (kind.fails === "error") {
      await rest(plan.below(100), gone);
      const status = ["400 Bad Request", "429 Too Many Requests", "500 Oops"][plan.below(3)] ?? "";
      await writeAll(connection, json('{"error":{"message":"no"}}', status));
      return true;
    }
    if (kind.isBackground) {
      this.#background.set(serial, performance.now());
      // It is written to its end, and billed, also where nobody asks for it.
      this.#bill(serial, { tokens: usedOf(plan, plan.pieces.length) });
      await writeAll(connection, json(JSON.stringify(responseOf(`resp_${serial}`, "", undefined))));
      return true;
    }
    return kind.isStream ? await this.#stream(asked) : await this.#whole(asked);
  }

  async #poll({ serial, plan, connection }: Asked): Promise<boolean> {
    const elapsed = performance.now() - (this.#background.get(serial) ?? Infinity);
    const total = plan.reasoning + plan.pieces.length;
    const isDone = elapsed * plan.tokensPerMs >= total;
    const used = isDone ? usedOf(plan, plan.pieces.length) : undefined;
    await writeAll(
      connection,
      json(JSON.stringify(responseOf(`resp_${serial}`, plan.pieces.join(""), used))),
    );
    if (isDone) this.#bill(serial, { isTold: true });
    return true;
  }

  async #whole({ kind, serial, plan, connection, gone }: Asked): Promise<boolean> {
    const begun = performance.now();
    const total = plan.reasoning + plan.pieces.length;
    await rest(Math.max(5, total / plan.tokensPerMs), gone);
    if (gone.aborted) {
      this.#bill(serial, { tokens: usedOf(...writtenBy(plan, performance.now() - begun)) });
      return false;
    }
    const used = usedOf(plan, plan.pieces.length);
    this.#bill(serial, { tokens: used });
    const text = JSON.stringify(DIALECTS[kind.dialect].plain(plan.pieces.join(""), used));
    const bytes = new TextEncoder().encode(text);
    const coded = kind.coding === "gzip"
      ? gzipSync(bytes)
      : kind.coding === "br"
      ? brotliCompressSync(bytes)
      : bytes;
    const coding = kind.coding === undefined ? "" : `Content-Encoding: ${kind.coding}\r\n`;
    await writeAll(
      connection,
      `${HEAD}Content-Type: application/json\r\n${coding}Content-Length: ${coded.length}\r\n\r\n`,
    );
    const middle = coded.length >> 1;
    await writeAll(connection, coded.subarray(0, middle));
    await rest(plan.below(20), gone);
    await writeAll(connection, coded.subarray(middle));
    this.#bill(serial, { isTold: true });
    return true;
  }

  async #stream({ kind, serial, plan, body, connection, gone }: Asked): Promise<boolean> {
    const dialect = DIALECTS[kind.dialect];
    const { pieces, reasoning, tokensPerMs } = plan;
    const write = async (events: readonly unknown[]): Promise<void> => {
      if (events.length > 0) {
        await writeAll(connection, chunk(events.map((event) => eventOf(event, kind)).join("")));
      }
    };
    const begun = performance.now();
    await writeAll(connection, EVENTS);
    await write(dialect.first(usedOf(plan, 0)));
    const end = kind.fails === "cut" ? Math.ceil(pieces.length / 2) : pieces.length;
    let done = 0;
    if (end === 0) {
      await rest(reasoning / tokensPerMs, gone);
      this.#bill(serial, { tokens: usedOf(...writtenBy(plan, performance.now() - begun)) });
      if (gone.aborted) return false;
    }
    while (done < end) {
      await rest(TICK_MS, gone);
      const written = Math.floor((performance.now() - begun) * tokensPerMs);
      if (gone.aborted) {
        const unseen = done > 0 ? reasoning : Math.min(reasoning, written);
        this.#bill(serial, { tokens: { ...usedOf(plan, done), output: unseen + done } });
        return false;
      }
      const events: unknown[] = [];
      const next = Math.min(end, written - reasoning);
      for (; done < next; done += Math.min(TOKENS_PER_EVENT, next - done)) {
        const more = Math.min(TOKENS_PER_EVENT, next - done);
        events.push(
          dialect.piece(pieces.slice(done, done + more).join(""), usedOf(plan, done + more)),
        );
      }
      const unseen = done > 0 ? reasoning : Math.min(reasoning, written);
      this.#bill(serial, { tokens: { ...usedOf(plan, done), output: unseen + done } });
      await write(events);
    }
    if (kind.fails === "cut") return false;
    const used = usedOf(plan, pieces.length);
    this.#bill(serial, { tokens: used });
    await write(dialect.stop(used));
    // Some clients leave as soon as they know why it stopped.
    await rest(5, gone);
    const tells = kind.isTold && (kind.dialect !== "chat" || body.includes("include_usage"));
    await write(dialect.last(used, tells));
    if (tells) this.#bill(serial, { isTold: true });
    if (kind.dialect !== "messages" && kind.dialect !== "gemini") {
      await writeAll(connection, chunk("data: [DONE]\n\n"));
    }
    await writeAll(connection, "0\r\n\r\n");
    return true;
  }
}

/** What of a plan is written within a time. */
function writtenBy(plan: Plan, elapsedMs: number): [plan: Plan, textTokens: number] {
  const written = Math.floor(elapsedMs * plan.tokensPerMs);
  const reasoning = Math.min(plan.reasoning, written);
  return [{ ...plan, reasoning }, Math.min(plan.pieces.length, written - reasoning)];
}

function eventOf(event: unknown, { escapes }: Kind): string {
  const text = JSON.stringify(event);
  const escaped = escapes !== true ? text : text.replace(
    /[\u0080-\uffff]/g,
    (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  return `data: ${escaped}\n\n`;
}

function chunk(text: string): Uint8Array {
  const bytes = new TextEncoder().encode(text);
  const head = new TextEncoder().encode(`${bytes.length.toString(16)}\r\n`);
  const whole = new Uint8Array(head.length + bytes.length + 2);
  whole.set(head);
  whole.set(bytes, head.length);
  whole.set([13, 10], head.length + bytes.length);
  return whole;
}

function json(text: string, status = "200 OK"): Uint8Array {
  const bytes = new TextEncoder().encode(text);
  return new TextEncoder().encode(
    `HTTP/1.1 ${status}\r\nContent-Type: application/json\r\nContent-Length: ${bytes.length}\r\n\r\n${text}`,
  );
}

/** Waits so long, or until the proxy has gone. */
function rest(ms: number, gone: AbortSignal): Promise<void> {
  if (gone.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      gone.removeEventListener("abort", end);
      resolve();
    };
    const timer = ms === Infinity ? undefined : setTimeout(end, ms);
    gone.addEventListener("abort", end);
  });
}

function close(connection: Deno.Conn): void {
  try {
    connection.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error;
  }
}
