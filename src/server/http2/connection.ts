/** An HTTP/2 connection of a client (RFC 9113). Each of its streams is a request. */

import { ClientGone } from "../../cancellation.ts";
import type { Field } from "../../http/fields.ts";
import { closeQuietly } from "../../streams/close_quietly.ts";
import { TurnCount } from "../../streams/turn.ts";
import type { ConnectionParts } from "../connection.ts";
import type { ServedConnection } from "../served_connection.ts";
import { StallTimer } from "../stall_timer.ts";
import { ConnectionEnd } from "./connection_end.ts";
import { ConnectionMemory } from "./connection_memory.ts";
import { FrameInput, type FrameReader } from "./frame_input.ts";
import { FrameOutput } from "./frame_output.ts";
import { FrameRateLimit } from "./frame_rate_limit.ts";
import { ConnectionError, ERROR, FRAME, MAX_31_BITS, protocolError, SETTING } from "./frames.ts";
import { type DecodedBlock, HpackDecoder } from "./hpack_decoder.ts";
import { ReceiveWindow } from "./receive_window.ts";
import { type RequestFields, requestFieldsOf } from "./request_fields.ts";
import { ResetLimit } from "./reset_limit.ts";
import { ResetStreams } from "./reset_streams.ts";
import { ResponseSlots } from "./response_slots.ts";
import { RunningStreams } from "./running_streams.ts";
import { SendingRoom } from "./sending_room.ts";
import { readInitialWindow, SETTING_BYTES } from "./settings.ts";
import { Http2Stream, type StreamOwner } from "./stream.ts";

/** The most streams at the same time. */
const MAX_STREAMS = 200;
/** The window of each stream for its request body, in bytes. */
const STREAM_WINDOW = 1024 * 1024;
/** The window for response bodies at the start of a connection, in bytes (RFC 9113, 6.9.2). */
const FIRST_WINDOW = 65_535;
/** The frames and header fields per second that an authenticated client may send on a connection. */
const COST_PER_SECOND = 100_000;
/**
 * Header blocks with up to this number of fields are decoded. So the proxy can answer a request with too many
 * fields with a 431.
 */
const LEAST_BLOCK_FIELDS = 1_000;

/** A connection of a client over HTTP/2, whose connection preface has been read. */
export class Http2Connection implements ServedConnection, FrameReader {
  readonly #client: Deno.Conn;
  readonly #parts: ConnectionParts;
  readonly #input = new FrameInput(this);
  readonly #output: FrameOutput;
  readonly #room: SendingRoom;
  readonly #memory: ConnectionMemory;
  readonly #decoder = new HpackDecoder();
  readonly #turn = new TurnCount();
  readonly #responseSlots = new ResponseSlots();
  readonly #receiveWindow: ReceiveWindow;
  readonly #resets: ResetLimit;
  /** Measures how long the client does not read what the proxy writes. */
  readonly #sending: StallTimer;
  readonly #end: ConnectionEnd;
  readonly #owner: StreamOwner;
  readonly #running: RunningStreams;
  /** Streams whose requests have arrived. They begin after the present piece was read. */
  #beginning: Http2Stream[] = [];
  readonly #resetStreams = new ResetStreams();
  #frameRate: FrameRateLimit;
  #lastStream = 0;
  #cost = 0;
  /** The window of each new stream for its response, in bytes. */
  #firstWindow = FIRST_WINDOW;
  #isAuthenticated = false;
  #isClosed = false;
  /** Whether the connection accepts no further request, and ends when the running ones have ended. */
  #isFinishing = false;

  constructor(client: Deno.Conn, parts: ConnectionParts, unauthenticatedRate: FrameRateLimit) {
    this.#client = client;
    this.#parts = parts;
    this.#frameRate = unauthenticatedRate;
    this.#running = new RunningStreams(parts.now);
    this.#resets = new ResetLimit(parts.now);
    this.#sending = new StallTimer(parts.now);
    this.#output = new FrameOutput({
      connection: client,
      stall: this.#sending,
      onWritten: () => this.#room.wake(),
      onFailed: () => this.close(),
    });
    this.#room = new SendingRoom(this.#output);
    const { now, unauthenticatedBudget, heldBytes } = parts;
    this.#end = new ConnectionEnd({
      client,
      output: this.#output,
      sending: this.#sending,
      now,
      close: () => this.close(),
    });
    this.#memory = new ConnectionMemory({
      connection: this,
      unauthenticatedBudget,
      heldBytes,
      requests: () => this.#running.size,
      bufferBytes: () => this.#input.extraBytes,
    });
    this.#receiveWindow = new ReceiveWindow(this.#output, () => this.#isClosed || this.#end.hasBegun);
    this.#owner = this.#streamOwner(parts);
    this.#output.hold();
    this.#output.settings([[SETTING.maxStreams, MAX_STREAMS], [SETTING.initialWindow, STREAM_WINDOW]]);
  }

  /** Returns the part of the connection that its streams use. */
  #streamOwner({ handler, peer, entry, limits, now, onUnexpected }: ConnectionParts): StreamOwner {
    return {
      onUnexpected,
      handler,
      peer,
      entry,
      limits,
      now,
      output: this.#output,
      room: this.#room,
      onAuthenticated: (holder) => this.#authenticated(holder),
      isAuthenticated: () => this.#isAuthenticated,
      acquireSlot: () => this.#responseSlots.acquire(),
      releaseSlot: () => this.#responseSlots.release(),
      onUnread: (bytes) => this.#memory.addUnread(bytes),
      onReleased: (stream, bytes) => {
        this.#memory.addUntaken(-bytes);
        this.#receiveWindow.release(bytes);
        const more = stream.takeReleased(STREAM_WINDOW / 2);
        if (more > 0 && !this.#isClosed) this.#output.numbers(FRAME.window, stream.id, more);
      },
      reset: (stream, code) => this.#resetStream(stream, code),
      onEnd: (stream) => this.#ended(stream),
    };
  }

  get idleSince(): number | undefined {
    return this.#running.idleSince;
  }

  get stateSince(): number {
    return this.#running.stateSince;
  }

  /**
   * When the response that has waited the longest began to wait for the client. `undefined` if no response
   * waits.
   */
  get unreadSince(): number | undefined {
    const { since } = this.#sending;
    const { unreadSince } = this.#running;
    return since === undefined || unreadSince === undefined
      ? since ?? unreadSince
      : Math.min(since, unreadSince);
  }

  get isAuthenticated(): boolean {
    return this.#isAuthenticated;
  }

  endOverdue(): void {
    const limits = this.#parts.limits();
    const { idleSince } = this;
    const isIdle = idleSince !== undefined && !this.#sending.isRunning &&
      this.#parts.now() - idleSince > limits.idleMs;
    if (isIdle || this.#sending.isOver(limits.sendMs)) return this.close();
    for (const stream of this.#running.all()) stream.endOverdue(limits);
  }

  finish(): void {
    if (this.#isFinishing || this.#isClosed) return;
    this.#isFinishing = true;
    this.#output.numbers(FRAME.goaway, 0, this.#lastStream, ERROR.none);
    if (this.#running.size === 0) void this.#end.afterResponses();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#end.stop();
    this.#output.stop();
    this.#abortAll(new ClientGone("the client left"));
    this.#frameRate.release(this);
    this.#memory.release();
    closeQuietly(this.#client);
  }

  /** Serves until either side ends the connection. Never throws. */
  async serve(): Promise<void> {
    try {
      while (await this.#readPiece()) { /* the next piece */ }
    } catch (error) {
      if (error instanceof ConnectionError) await this.#endWithError(error);
      // Otherwise the connection was closed or has failed.
    }
    this.close();
  }

  /** Reads and handles the next bytes. Resolves to `false` if the client has ended the connection. */
  async #readPiece(): Promise<boolean> {
    const count = await this.#client.read(this.#input.space());
    if (count === null || this.#isClosed) return false;
    this.#cost = 1;
    if (this.#end.hasBegun) this.#end.arrived();
    else this.#input.arrived(count);
    const beginning = this.#beginning;
    if (beginning.length > 0) {
      this.#beginning = [];
      // A stream that the client has reset in the same piece does not begin.
      for (const stream of beginning) void stream.run();
    } else this.#output.release();
    const turn = this.#frameRate.acquire(this, this.#cost);
    if (turn !== undefined) await turn;
    const others = this.#turn.count(count);
    if (others !== undefined) await others;
    if (this.#output.isBlocked) await this.#output.drained();
    return true;
  }

  /** Handles a frame that is not a part of a header block. Throws a {@link ConnectionError}. */
  frame(
    type: number,
    { stream, isAck, payload }: { stream: number; isAck: boolean; payload: DataView },
  ): void {
    this.#cost++;
    switch (type) {
      case FRAME.reset:
        return this.#reset(stream);
      case FRAME.settings:
        if (!isAck) this.#settings(payload);
        return;
      case FRAME.ping:
        if (!isAck) this.#output.acknowledge(FRAME.ping, bytesOf(payload));
        return;
      case FRAME.goaway:
        // The client ends the connection. Its running requests continue: the number in this frame is only
        // that of the last push that it got.
        return this.finish();
      case FRAME.window:
        return this.#open(stream, payload.getUint32(0) & MAX_31_BITS);
    }
  }

  /** Handles a DATA frame. `length` is the length of the payload including the padding. */
  data(stream: number, bytes: Uint8Array, { length, ends }: { length: number; ends: boolean }): void {
    this.#cost++;
    if (stream > this.#lastStream) throw protocolError("DATA on an idle stream");
    if (!this.#receiveWindow.take(length)) {
      throw new ConnectionError(ERROR.flowControl, "more DATA than the window allows");
    }
    const running = this.#running.get(stream);
    if (running === undefined) {
      this.#receiveWindow.release(length);
      if (!this.#resetStreams.has(stream)) this.#output.numbers(FRAME.reset, stream, ERROR.streamClosed);
      return;
    }
    if (running.hasWholeRequest) throw protocolError("DATA after the end of its stream");
    const padding = length - bytes.length;
    this.#receiveWindow.release(padding);
    if (!running.receives(length, padding)) {
      this.#receiveWindow.release(bytes.length);
      return this.#breakStream(running, ERROR.flowControl);
    }
    if (bytes.length > 0) {
      this.#memory.addUntaken(bytes.length);
      if (!running.data(bytes)) {
        this.#memory.addUntaken(-bytes.length);
        this.#receiveWindow.release(bytes.length);
        return this.#breakStream(running);
      }
    }
    if (ends && !running.end()) this.#breakStream(running);
  }

  /** Handles a complete header block. */
  headers(
    stream: number,
    block: { readonly bytes: Uint8Array; readonly start: number; readonly end: number },
    { ends, dependsOnItself }: { ends: boolean; dependsOnItself: boolean },
  ): void {
    this.#cost++;
    const running = this.#running.get(stream);
    const isNew = stream > this.#lastStream;
    if (!isNew && running === undefined && !this.#resetStreams.has(stream)) {
      throw protocolError("HEADERS on a closed stream");
    }
    if (running?.hasWholeRequest === true) throw protocolError("HEADERS after the end of its stream");
    const { maxHeadBytes, maxHeadFields } = this.#parts.limits();
    const maxFields = Math.max(LEAST_BLOCK_FIELDS, 2 * maxHeadFields);
    const decoded = this.#decoder.decode(block, { maxFields, maxBytes: maxHeadBytes });
    this.#cost += decoded.cost;
    if (isNew) this.#begin(stream, decoded, { ends, dependsOnItself });
    // Trailers are dropped.
    else if (running !== undefined && !(ends && running.end())) this.#breakStream(running);
  }

  /** Resets a stream because of a frame that depends on itself. */
  dependsOnItself(stream: number): void {
    this.#resetStream(stream, ERROR.protocol);
    this.#running.get(stream)?.abort(new ClientGone("the client broke the rules of HTTP/2"));
  }

  /** Called when the size of the reading buffer has changed. */
  onResize(): void {
    this.#memory.count();
  }

  #begin(
    stream: number,
    { fields, isTooLong, heldBytes }: DecodedBlock,
    { ends, dependsOnItself }: { ends: boolean; dependsOnItself: boolean },
  ): void {
    this.#lastStream = stream;
    // The client has not received the GOAWAY yet. When it has, it sends the request again on another
    // connection.
    if (this.#isFinishing) return this.#resetStreams.add(stream);
    if (this.#running.size >= MAX_STREAMS) return this.#resetStream(stream, ERROR.refusedStream);
    const head = dependsOnItself ? undefined : isTooLong ? headWithout(fields) : requestFieldsOf(fields);
    const isShort = ends && head?.length !== undefined && head.length > 0;
    if (head === undefined || isShort) return this.#resetStream(stream, ERROR.protocol);
    const begun = new Http2Stream(
      {
        id: stream,
        head,
        heldBytes,
        isTooLong,
        endsStream: ends,
        window: this.#firstWindow,
        receiveWindow: STREAM_WINDOW,
      },
      this.#owner,
    );
    this.#running.add(begun);
    this.#beginning.push(begun);
    this.#memory.addHead(heldBytes);
  }

  #reset(stream: number): void {
    if (stream > this.#lastStream) throw protocolError("RST_STREAM on an idle stream");
    const running = this.#running.get(stream);
    if (running === undefined) return;
    running.abort(new ClientGone("the client reset its stream"));
    if (!this.#resets.mayReset()) throw new ConnectionError(ERROR.enhanceYourCalm, "too many resets");
  }

  #settings(payload: DataView): void {
    this.#cost += payload.byteLength / SETTING_BYTES;
    this.#changeWindows(readInitialWindow(payload) ?? this.#firstWindow);
    this.#output.acknowledge(FRAME.settings, new Uint8Array());
  }

  /** Changes the windows of all streams. Of several values in a frame, only the last one counts. */
  #changeWindows(first: number): void {
    const more = first - this.#firstWindow;
    if (more === 0) return;
    this.#firstWindow = first;
    this.#cost += this.#running.size;
    for (const stream of this.#running.all()) {
      if (!stream.open(more)) throw new ConnectionError(ERROR.flowControl, "a window that is too large");
    }
  }

  #open(stream: number, bytes: number): void {
    if (bytes === 0) throw protocolError("a WINDOW_UPDATE of 0");
    if (stream === 0) {
      if (!this.#room.open(bytes)) throw new ConnectionError(ERROR.flowControl, "a window that is too large");
      return;
    }
    if (stream > this.#lastStream) throw protocolError("WINDOW_UPDATE on an idle stream");
    const running = this.#running.get(stream);
    if (running?.open(bytes) === false) this.#breakStream(running, ERROR.flowControl);
  }

  #breakStream(stream: Http2Stream, code: number = ERROR.protocol): void {
    this.#resetStream(stream.id, code);
    stream.abort(new ClientGone("the client broke the rules of HTTP/2"));
  }

  #resetStream(stream: number, code: number): void {
    this.#resetStreams.add(stream);
    this.#output.numbers(FRAME.reset, stream, code);
  }

  #ended(stream: Http2Stream): void {
    this.#running.delete(stream);
    this.#memory.addHead(-stream.heldBytes);
    if (this.#isFinishing && this.#running.size === 0 && !this.#isClosed) void this.#end.afterResponses();
  }

  #authenticated(holder: string): void {
    if (this.#isAuthenticated || this.#isClosed) return;
    this.#isAuthenticated = true;
    this.#memory.countFor(holder);
    this.#frameRate.release(this);
    this.#frameRate = new FrameRateLimit({ perSecond: COST_PER_SECOND, now: this.#parts.now });
    this.#receiveWindow.enlarge();
    this.#input.isRoomy = true;
    this.#responseSlots.admitAll();
  }

  #abortAll(reason: ClientGone): void {
    this.#isFinishing = true;
    this.#responseSlots.close();
    for (const stream of this.#running.all()) stream.abort(reason);
    this.#beginning = [];
  }

  /** Sends a GOAWAY with the error code, and then ends the connection. */
  async #endWithError({ code }: ConnectionError): Promise<void> {
    await this.#end.afterError(() => {
      this.#abortAll(new ClientGone("the client broke the rules of HTTP/2"));
      this.#output.numbers(FRAME.goaway, 0, this.#lastStream, code);
    }, this.#input.scratch());
  }
}

/** Returns the known part of a request whose head was too long, so that the client gets an error response. */
function headWithout(fields: readonly Field[]): RequestFields {
  const isHead = fields.some(({ value }) => value === "HEAD");
  return { method: isHead ? "HEAD" : "GET", target: "/", fields: [], length: undefined };
}

function bytesOf({ buffer, byteOffset, byteLength }: DataView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
