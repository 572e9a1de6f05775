/** One connection to an upstream, and one request with its answer on it (RFC 9112). */

import { ChunkedBody, CountedBody, type FramedBody, UntilCloseBody } from "../../http/body.ts";
import { type Field, field, fieldValue, listHas } from "../../http/fields.ts";
import type { Framing } from "../../http/framing.ts";
import { type Head, readHead } from "../../http/head.ts";
import { ConnectionReader } from "../../http/reader.ts";
import { HttpSyntaxError, UnexpectedEnd } from "../../http/syntax_error.ts";
import { framed, FramingError, writeMessage } from "../../http/writer.ts";
import { ResponseBody } from "./response_body.ts";
import {
  type FailureFacts,
  RequestBodyBroken,
  TransportError,
  type UpstreamRequest,
  type UpstreamResponse,
} from "./transport.ts";
import { Upload } from "./upload.ts";

/** Interim answers that are passed over before the final one. */
const MAX_INTERIM = 16;
const STATUS_LINE = /^HTTP\/1\.([01]) ([1-5]\d\d)(?: ([\t\x20-\x7e\x80-\xff]*))?$/;

/** A connection to an upstream. It serves one request at a time. */
export class UpstreamConnection {
  readonly #connection: Deno.Conn;
  readonly #reader: ConnectionReader;
  readonly #host: string;
  /** Called once, when the connection is closed. */
  readonly #onClose: () => void;
  #served = 0;
  #reused = false;
  #closed = false;
  /** How much had come when the present request began. */
  #receivedBefore = 0;
  #beganAt = 0;

  constructor(connection: Deno.Conn, { host, onClose }: { host: string; onClose: () => void }) {
    this.#connection = connection;
    this.#reader = new ConnectionReader(connection);
    this.#host = host;
    this.#onClose = onClose;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Whether the upstream may be sent a request: it is open, and not a byte has come that nobody asked for. */
  get isUsable(): boolean {
    return !this.#closed && this.#reader.buffered.length === 0;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#connection.close();
    this.#onClose();
  }

  /**
   * Watches an idle connection: whatever comes now, its end or bytes that nobody asked for, makes it useless.
   * The read that watches is the one that the next answer comes by.
   */
  watch(isIdle: () => boolean): void {
    const spoilt = () => {
      if (isIdle()) this.close();
    };
    this.#reader.fill().then(spoilt, spoilt);
  }

  /** Sends a request and gives its answer; `onDone` is called when the connection is free for the next one. */
  async exchange(request: UpstreamRequest, onDone: () => void): Promise<UpstreamResponse> {
    const { cancellation } = request;
    this.#reused = this.#served++ > 0;
    this.#receivedBefore = this.#reader.received;
    this.#beganAt = performance.now();
    cancellation.stopWith(() => this.close());
    const upload = new Upload((phase) => request.onPhase(phase));
    request.onPhase("first byte");
    void this.#send(request, upload);
    try {
      const head = await this.#finalHead(request);
      upload.isAnswered = true;
      if (head.status === 101) return this.#upgraded(head, request);
      return this.#response(head, { request, upload, onDone });
    } catch (error) {
      this.close();
      if (this.#reader.received > this.#receivedBefore) request.onReceived?.();
      cancellation.throwIfCancelled();
      if (upload.state === "broken") throw new RequestBodyBroken("the upload broke off");
      throw this.#explain(error, "first byte");
    }
  }

  /** Never throws: what became of the upload stands in `upload`, and the reading side tells what the upstream did. */
  async #send({ method, target, fields, body }: UpstreamRequest, upload: Upload): Promise<void> {
    try {
      await writeMessage(this.#connection, {
        startLine: `${method} ${target} HTTP/1.1`,
        fields: [field("host", this.#host), ...fields],
        body: framed(body && upload.watch(body)),
      });
      upload.state = "whole";
    } catch (error) {
      // The upstream would read what comes next as the rest of this body.
      if (upload.state === "broken" || error instanceof FramingError) this.close();
    }
  }

  async #finalHead({ upgrade }: UpstreamRequest): Promise<StatusHead> {
    for (let interim = 0; interim <= MAX_INTERIM; interim++) {
      const head = await readHead(this.#reader);
      if (head === null) throw new UnexpectedEnd("the connection ended without an answer");
      const parsed = parseStatus(head);
      if (parsed.status >= 200) return parsed;
      if (parsed.status === 101 && upgrade === true) return parsed;
      if (parsed.status === 101) throw new HttpSyntaxError("a change of protocol that nobody asked for");
    }
    throw new HttpSyntaxError(`more than ${MAX_INTERIM} interim answers`);
  }

  #upgraded({ status, reason, fields }: StatusHead, { cancellation }: UpstreamRequest): UpstreamResponse {
    cancellation.stopWith(undefined);
    return {
      status,
      reason,
      fields,
      body: null,
      upgraded: {
        source: new UntilCloseBody(this.#reader),
        output: this.#connection,
        closeWrite: () => this.#connection.closeWrite().catch(() => {}),
        close: () => this.close(),
      },
    };
  }

  #response(
    { status, reason, fields, framing, minor }: StatusHead,
    { request, upload, onDone }: { request: UpstreamRequest; upload: Upload; onDone: () => void },
  ): UpstreamResponse {
    const connection = fieldValue(fields, "connection");
    const persistent = minor === 1 && !listHas(connection, "close");
    const finish = (): void => {
      request.cancellation.stopWith(undefined);
      const reusable = persistent && upload.state === "whole" && this.#reader.buffered.length === 0;
      if (reusable) onDone();
      else this.close();
    };
    if (request.method === "HEAD" || status === 204 || status === 304) {
      request.cancellation.stopWith(undefined);
      // Some servers send the body all the same, a moment later: it would be the next client's answer.
      this.close();
      const omittedLength = framing.kind === "counted" && status !== 204 ? framing.length : undefined;
      return { status, reason, fields, body: null, omittedLength };
    }
    const body = this.#framedBody(framing);
    // A first chunk that is malformed is noticed before the answer has begun.
    body.begin();
    const onEnd = framing.kind === "absent" ? () => this.close() : finish;
    const length = framing.kind === "counted" ? framing.length : undefined;
    const responseBody = new ResponseBody(body, length, {
      cancellation: request.cancellation,
      onEnd,
      onFailure: (error) => {
        this.close();
        return this.#explain(error, "answer");
      },
      onCancel: () => this.close(),
    });
    return { status, reason, fields, body: responseBody };
  }

  #framedBody(framing: Framing): FramedBody {
    switch (framing.kind) {
      case "chunked":
        return new ChunkedBody(this.#reader);
      case "counted":
        return new CountedBody(this.#reader, framing.length);
      case "absent":
        return new UntilCloseBody(this.#reader);
      default:
        framing satisfies never;
        throw new TypeError("Unknown framing");
    }
  }

  #explain(error: unknown, phase: FailureFacts["phase"]): TransportError {
    const received = this.#reader.received > this.#receivedBefore;
    const elapsedMs = performance.now() - this.#beganAt;
    const facts = { phase, sent: true, received, reused: this.#reused, elapsedMs };
    return new TransportError(reasonOf(error, received), facts, { cause: error });
  }
}

interface StatusHead {
  readonly status: number;
  readonly reason: string;
  readonly fields: readonly Field[];
  readonly framing: Framing;
  readonly minor: 0 | 1;
}

function parseStatus({ startLine, fields, framing }: Head): StatusHead {
  const [, minor, status, reason = ""] = STATUS_LINE.exec(startLine) ?? [];
  if (status === undefined) throw new HttpSyntaxError("invalid status line");
  return { status: Number(status), reason, fields, framing, minor: minor === "1" ? 1 : 0 };
}

function reasonOf(error: unknown, received: boolean): string {
  if (error instanceof HttpSyntaxError) return `it sent a malformed answer (${error.message})`;
  if (error instanceof UnexpectedEnd) {
    return received ? "it broke off within its answer" : "it closed the connection without an answer";
  }
  return received ? "it reset the connection within its answer" : "it reset the connection";
}
