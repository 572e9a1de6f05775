/** Begins the response to a request for an event stream if the upstream keeps its client waiting. */

import type { Cancellation } from "../cancellation.ts";
import { ClientGone } from "../cancellation.ts";
import type { Endpoint } from "../config/config.ts";
import { type Field, field, fieldValue } from "../http/fields.ts";
import { discardReply, type OutgoingReply } from "../http/message.ts";
import type { HeldPayload } from "../payload/held_payload.ts";
import type { MessageBody } from "../streams/byte_source.ts";
import type { Clock } from "../time/clock.ts";
import { EarlyBody } from "./early_body.ts";
import { takesComments } from "./keepalive.ts";
import { type LateReplyContext, streamOf } from "./late_reply.ts";
import { StreamWish } from "./stream_wish.ts";

/** The exchange whose response the proxy may begin. */
export interface EarlyExchange extends LateReplyContext {
  readonly id: string;
  readonly endpoint: Pick<Endpoint, "earlyHeadMs">;
  readonly loggedPath: string;
  readonly request: {
    readonly method: string;
    readonly fields: readonly Field[];
    readonly cancellation: Cancellation;
  };
}

/** What the proxy sends of a request. */
export interface SentRequest {
  readonly fields: readonly Field[];
  readonly body: MessageBody | null;
  /** The body in memory. `undefined` if the proxy does not read it. */
  readonly payload: HeldPayload | undefined;
}

/**
 * The early head of one response. `fields` and `body` replace those of the request: the proxy cannot send
 * comments in front of a compressed body, and it reads whether the body asks for a stream.
 */
export class EarlyHead {
  readonly fields: readonly Field[];
  readonly body: MessageBody | null;
  readonly #exchange: EarlyExchange;
  readonly #wish: StreamWish;
  readonly #silenceMs: number;

  constructor(exchange: EarlyExchange, { fields, body, payload }: SentRequest, silenceMs: number) {
    this.#exchange = exchange;
    this.#silenceMs = silenceMs;
    const wish = this.#wish = new StreamWish(fields, payload?.facts.stream);
    this.body = body !== null && payload === undefined ? wish.watching(body) : body;
    this.fields = withoutCoding(fields);
  }

  /**
   * Returns the reply of `send`, which never throws. If that reply is late and the request asks for an event
   * stream, returns a reply that begins with comments and continues with that reply.
   */
  async reply(send: () => Promise<OutgoingReply>, clock: Clock): Promise<OutgoingReply> {
    const { promise: due, resolve } = Promise.withResolvers<undefined>();
    let stop = (): void => {};
    const wait = (): void => {
      stop = clock.after(this.#silenceMs, () => this.#wish.isStream ? resolve(undefined) : wait());
    };
    wait();
    const sending = send();
    const reply = await Promise.race([sending, due]);
    stop();
    return reply ?? this.#begin(sending, clock);
  }

  #begin(sending: Promise<OutgoingReply>, clock: Clock): OutgoingReply {
    const { id, request: { cancellation } } = this.#exchange;
    let late: OutgoingReply | undefined;
    const body = new EarlyBody(
      sending.then((reply) => {
        late = reply;
        return streamOf(reply, this.#exchange);
      }),
      {
        silenceMs: this.#silenceMs,
        clock,
        onCancel() {
          cancellation.cancel(new ClientGone("the client left before the upstream answered"));
          if (late !== undefined) discardReply(late);
        },
      },
    );
    return {
      status: 200,
      reason: "OK",
      fields: [
        field("content-type", "text/event-stream"),
        field("cache-control", "no-cache"),
        field("x-accel-buffering", "no"),
        field("x-request-id", id),
      ],
      body,
    };
  }
}

/** The early head of a response. `undefined` if the endpoint or the request must have none. */
export function earlyHeadOf(
  exchange: EarlyExchange,
  sent: SentRequest,
  { isWebSocket }: { readonly isWebSocket: boolean },
): EarlyHead | undefined {
  const { endpoint: { earlyHeadMs }, loggedPath: path, request: { method } } = exchange;
  if (earlyHeadMs === undefined || isWebSocket || method === "HEAD" || !takesComments(path)) return undefined;
  return StreamWish.isPossible(sent) ? new EarlyHead(exchange, sent, earlyHeadMs) : undefined;
}

function withoutCoding(fields: readonly Field[]): readonly Field[] {
  return fieldValue(fields, "accept-encoding") === undefined
    ? fields
    : [...fields.filter(({ lower }) => lower !== "accept-encoding"), field("accept-encoding", "identity")];
}
