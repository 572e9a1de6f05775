/** Carries the frames of a WebSocket between client and upstream, byte for byte (RFC 6455). */

import type { Cancellation, CancellationListener } from "../../cancellation.ts";
import type { Clock } from "../../time/clock.ts";
import { ProxyFault } from "../../faults.ts";
import type { Duplex, Tunnel } from "../../http/message.ts";
import type { ResponseEnd } from "../../response_end.ts";
import { SmallPieces } from "../../streams/small_pieces.ts";
import { writeAll } from "../../http/writer.ts";
import { type MessageRejection, rejectionOf } from "../../payload/message_rejection.ts";
import { CLOSE_CODES, closeFrame, FrameReader, type FrameViolation } from "../../payload/websocket_frames.ts";
import type { UpgradedConnection } from "../transport/transport.ts";

/** What a {@link WebSocketTunnel} works with. */
export interface TunnelParts {
  readonly upstream: UpgradedConnection;
  readonly cancellation: Cancellation;
  readonly clock: Clock;
  /** The longest message of either side, in bytes. */
  readonly maxMessageBytes: number;
  /** The next bytes for the client, which are valid during this call. */
  readonly onPiece: (piece: Uint8Array) => void;
  /** The next bytes of the client, which are valid during this call. */
  readonly onClientPiece: (piece: Uint8Array) => void;
  /**
   * Checks the next bytes of the client before the upstream gets them. Resolves with the reason to end the
   * WebSocket. `undefined` if nothing is checked, or these bytes need no check.
   */
  readonly check?: ((piece: Uint8Array) => Promise<MessageRejection | undefined> | undefined) | undefined;
  /** Called with an error that the program did not expect. The error ends the WebSocket. */
  readonly unexpected: (error: unknown) => void;
  /** Called when bytes have arrived from either side. */
  readonly onActivity: () => void;
  /** The tunnel has ended. Called once. */
  readonly onEnd: (how: ResponseEnd) => void;
}

/** How much is observed within one turn of the event loop. */
const STEP_BYTES = 16 * 1024;
/** How long a side may take to answer a close frame, or to finish its present frame. */
const CLOSING_MS = 1_000;

/**
 * How a direction ended. `ended`: its sender ended or was lost. `refused`: its receiver took no more.
 * `stopped`: the proxy stopped it. `violation`: a frame broke a rule.
 */
type DirectionEnd = "ended" | "refused" | "stopped" | "violation";

interface Direction {
  readonly from: Duplex;
  readonly to: Duplex;
  readonly frames: FrameReader;
  readonly onPiece?: ((piece: Uint8Array) => void) | undefined;
  /** Wakes the direction where it waits for bytes and must stop. */
  wake: () => void;
  end: DirectionEnd | undefined;
}

/**
 * One WebSocket. It holds the connection to the upstream until it has run, was discarded, or was cancelled.
 */
export class WebSocketTunnel implements Tunnel, CancellationListener {
  readonly #parts: TunnelParts;
  #isStopping = false;
  #closing: { readonly reason: FrameViolation; readonly fault: ProxyFault | undefined } | undefined;
  #directions: readonly Direction[] = [];
  #hasEnded = false;

  constructor(parts: TunnelParts) {
    this.#parts = parts;
    parts.cancellation.addListener(this);
  }

  /** The client left, or the drain deadline passed. */
  cancelled(): void {
    this.#abort(this.#parts.cancellation.reason);
  }

  /**
   * Sends a close frame to both sides, each after its present frame, and ends the tunnel. `fault` is for the
   * log.
   */
  closeBoth(reason: FrameViolation, fault: ProxyFault | undefined): void {
    if (this.#closing !== undefined || this.#hasEnded) return;
    this.#closing = { reason, fault };
    this.#stop();
  }

  /** Ends the tunnel because the proxy is shutting down. */
  goAway(): void {
    const reason = "the proxy is shutting down";
    this.closeBoth({ code: CLOSE_CODES.goingAway, reason }, undefined);
  }

  /** Carries frames until both sides have ended, or one side has broken off. Never throws. */
  async run(client: Duplex): Promise<void> {
    const { upstream, maxMessageBytes } = this.#parts;
    // A frame may have only two bytes, and the proxy reads each frame.
    const inSteps = ({ source, output }: Duplex): Duplex => ({
      source: new SmallPieces(source, STEP_BYTES),
      output,
    });
    const direction = (from: Duplex, to: Duplex, passed?: (piece: Uint8Array) => void): Direction => ({
      from: inSteps(from),
      to,
      frames: new FrameReader(maxMessageBytes),
      onPiece: passed,
      wake: () => {},
      end: undefined,
    });
    const up = direction(client, upstream, this.#parts.onClientPiece);
    const down = direction(upstream, client, this.#parts.onPiece);
    this.#directions = [up, down];
    if (this.#hasEnded) return upstream.close();
    const carrying = this.#directions.map((one) => this.#carry(one));
    await Promise.race(carrying);
    const first = up.end === undefined ? down : up;
    const isStopped = first.end === "stopped" || first.end === "violation";
    // A client that sent a close frame gets one back.
    const awaitsAnswer = first === up && up.end === "ended" && up.frames.hasClosed;
    if (awaitsAnswer) await upstream.closeWrite();
    if (isStopped) this.#stop();
    if (isStopped || awaitsAnswer) await this.#within(Promise.all(carrying));
    if (isStopped) await this.#sendCloseFrames(up, down);
    this.#end(this.#outcome(up, down, first));
    upstream.close();
    // A direction that still reads stops now, because the tunnel has ended.
    this.#stop();
    await Promise.all(carrying);
  }

  /**
   * Ends a tunnel that will not run: the connection of the client cannot change its protocol, or was closed.
   */
  discard(): void {
    if (!this.#hasEnded) this.#abort(undefined);
  }

  async #carry(direction: Direction): Promise<void> {
    try {
      direction.end = await this.#carryOn(direction);
    } catch (error) {
      this.#parts.unexpected(error);
      direction.end = "stopped";
      this.closeBoth(
        { code: CLOSE_CODES.internalError, reason: "the proxy failed" },
        new ProxyFault(
          "internal",
          "The proxy failed on this WebSocket. The log of the proxy has the reason.",
          {
            cause: error,
          },
        ),
      );
    }
  }

  async #carryOn(direction: Direction): Promise<DirectionEnd> {
    const { from, to, frames } = direction;
    while (true) {
      if (this.#hasEnded || this.#isStopping && frames.isAtBoundary) return "stopped";
      const piece = readFrom(from);
      if (piece === undefined) {
        await this.#wait(direction);
        continue;
      }
      if (piece === null) return "ended";
      this.#parts.onActivity();
      const checked = direction === this.#directions[0] ? this.#parts.check?.(piece) : undefined;
      const rejection = checked && await checked;
      if (rejection !== undefined) {
        this.closeBoth(rejection.close, rejection.fault);
        return "stopped";
      }
      const allowed = frames.pass(piece);
      if (allowed.length > 0) {
        try {
          await writeAll(to.output, allowed);
        } catch {
          return "refused";
        }
        direction.onPiece?.(allowed);
      }
      if (frames.violation !== undefined) return "violation";
    }
  }

  /** Waits for the next bytes, or until the direction must stop. */
  #wait(direction: Direction): Promise<void> {
    return new Promise((resolve) => {
      direction.wake = () => {
        if (direction.frames.isAtBoundary || this.#hasEnded) resolve();
      };
      void direction.from.source.readable().then(resolve);
    });
  }

  #stop(): void {
    this.#isStopping = true;
    for (const { wake } of this.#directions) wake();
  }

  async #within(work: Promise<unknown>): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const cancel = this.#parts.clock.after(CLOSING_MS, resolve);
    await Promise.race([work, promise]);
    cancel();
  }

  /** Sends a close frame to both sides, where the proxy ends the tunnel. */
  async #sendCloseFrames(up: Direction, down: Direction): Promise<void> {
    const reason = this.#closing?.reason ?? up.frames.violation ?? down.frames.violation;
    if (reason === undefined) return;
    const send = async ({ to, frames, end }: Direction, masked: boolean): Promise<void> => {
      // A close frame cannot go into another frame, and a side that has closed or left needs none.
      const isFree = (end === "stopped" || end === "violation") && frames.isAtBoundary;
      if (!isFree || frames.hasClosed) return;
      await writeAll(to.output, closeFrame(reason, { masked })).catch(() => {});
    };
    await this.#within(Promise.all([send(up, true), send(down, false)]));
  }

  #outcome(up: Direction, down: Direction, first: Direction): ResponseEnd {
    if (this.#closing !== undefined) return this.#closing.fault ?? "complete";
    for (const { frames } of [up, down]) {
      if (frames.violation === undefined) continue;
      return rejectionOf(frames.violation, frames === up.frames ? "client" : "upstream").fault;
    }
    // A side that has sent a close frame may leave.
    if (up.frames.hasClosed || down.frames.hasClosed) return "complete";
    const isClientGone = first === up ? up.end === "ended" : down.end === "refused";
    return isClientGone
      ? "client_gone"
      : new ProxyFault("bad_gateway", "The upstream ended the WebSocket without a close frame.");
  }

  /** Ends the tunnel at once: the client left, the drain deadline passed, or the tunnel never ran. */
  #abort(reason: Error | undefined): void {
    this.#end(reason instanceof ProxyFault ? reason : "client_gone");
    this.#parts.upstream.close();
    this.#stop();
  }

  #end(how: ResponseEnd): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#parts.cancellation.removeListener(this);
    this.#parts.onEnd(how);
  }
}

/**
 * The next bytes of a side. Null: it has ended, or its connection broke off. `undefined` if no bytes have
 * arrived.
 */
function readFrom({ source }: Duplex): Uint8Array | null | undefined {
  try {
    return source.tryRead();
  } catch {
    return null;
  }
}
