/** Carries the frames of a WebSocket between client and upstream, byte for byte. */

import type { Cancellation } from "../../cancellation.ts";
import type { Clock } from "../../time/clock.ts";
import { ProxyFault } from "../../faults.ts";
import type { Duplex, Tunnel } from "../../http/message.ts";
import { SmallPieces } from "../../streams/small_pieces.ts";
import { writeAll } from "../../http/writer.ts";
import { CLOSE_CODES, closeFrame, FrameReader, type FrameViolation } from "../../payload/websocket_frames.ts";
import type { UpgradedConnection } from "../transport/transport.ts";

/** What a tunnel is made with. */
export interface TunnelParts {
  readonly upstream: UpgradedConnection;
  readonly cancellation: Cancellation;
  readonly clock: Clock;
  /** The longest message, either way. */
  readonly maxMessageBytes: number;
  /** The next bytes for the client, valid only now. */
  readonly passed: (piece: Uint8Array) => void;
  /** The next bytes of the client, valid only now. */
  readonly sent: (piece: Uint8Array) => void;
  /** Something went over it, in either direction. */
  readonly active: () => void;
  /** Once. */
  readonly ended: (how: "complete" | "client_gone" | ProxyFault) => void;
}

/** So much is looked at within one turn of the event loop. */
const STEP_BYTES = 16 * 1024;
/** How long the other side may take to answer a close frame, or to finish the frame it is sending. */
const CLOSING_MS = 1_000;

/**
 * What a direction has come to: its sender ended or was lost, its receiver took no more, it was told to stop, or a
 * frame broke a rule.
 */
type DirectionEnd = "ended" | "refused" | "stopped" | "violation";

interface Direction {
  readonly from: Duplex;
  readonly to: Duplex;
  readonly frames: FrameReader;
  readonly passed?: ((piece: Uint8Array) => void) | undefined;
  /** Whoever waits for bytes is told to stop. */
  wake: () => void;
  end: DirectionEnd | undefined;
}

/** One WebSocket. It holds the upstream's connection until it has run, was discarded, or was cancelled. */
export class WebSocketTunnel implements Tunnel {
  readonly #parts: TunnelParts;
  #isStopping = false;
  #closing: { readonly said: FrameViolation; readonly as: ProxyFault | undefined } | undefined;
  #directions: readonly Direction[] = [];
  #hasEnded = false;

  constructor(parts: TunnelParts) {
    this.#parts = parts;
    parts.cancellation.onCancel(() => this.#abort(parts.cancellation.reason));
  }

  /** Closes it with a close frame to both sides, as soon as each has whole frames. `as` is what is logged. */
  closeBoth(said: FrameViolation, as: ProxyFault | undefined): void {
    if (this.#closing !== undefined || this.#hasEnded) return;
    this.#closing = { said, as };
    this.#stop();
  }

  /** The proxy is shutting down. */
  goAway(): void {
    const reason = "the proxy is shutting down";
    this.closeBoth({ code: CLOSE_CODES.goingAway, reason }, undefined);
  }

  /** Carries frames until both sides have ended, or one has broken off. Never throws. */
  async run(client: Duplex): Promise<void> {
    const { upstream, maxMessageBytes } = this.#parts;
    // Each frame of two bytes is looked at.
    const inSteps = ({ source, output }: Duplex): Duplex => ({
      source: new SmallPieces(source, STEP_BYTES),
      output,
    });
    const direction = (from: Duplex, to: Duplex, passed?: (piece: Uint8Array) => void): Direction => ({
      from: inSteps(from),
      to,
      frames: new FrameReader(maxMessageBytes),
      passed,
      wake: () => {},
      end: undefined,
    });
    const up = direction(client, upstream, this.#parts.sent);
    const down = direction(upstream, client, this.#parts.passed);
    this.#directions = [up, down];
    if (this.#hasEnded) return upstream.close();
    const carrying = this.#directions.map((one) => this.#carry(one));
    await Promise.race(carrying);
    const first = up.end === undefined ? down : up;
    const isStopped = first.end === "stopped" || first.end === "violation";
    // A client that has said that it closes is owed the answer.
    const awaitsAnswer = first === up && up.end === "ended" && up.frames.hasClosed;
    if (awaitsAnswer) await upstream.closeWrite();
    if (isStopped) this.#stop();
    if (isStopped || awaitsAnswer) await this.#within(Promise.all(carrying));
    if (isStopped) await this.#sayClose(up, down);
    this.#end(this.#outcome(up, down, first));
    upstream.close();
    // Whoever still reads stops now, since it has ended.
    this.#stop();
    await Promise.all(carrying);
  }

  /** Nobody will run it: the client's connection cannot change its protocol, or is gone. */
  discard(): void {
    if (!this.#hasEnded) this.#abort(undefined);
  }

  async #carry(direction: Direction): Promise<void> {
    try {
      direction.end = await this.#carryOn(direction);
    } catch {
      // It was lost without a word.
      direction.end = "ended";
    }
  }

  async #carryOn(direction: Direction): Promise<DirectionEnd> {
    const { from, to, frames } = direction;
    while (true) {
      if (this.#hasEnded || this.#isStopping && frames.isAtBoundary) return "stopped";
      const piece = from.source.tryRead();
      if (piece === undefined) {
        await this.#wait(direction);
        continue;
      }
      if (piece === null) return "ended";
      this.#parts.active();
      const allowed = frames.pass(piece);
      if (allowed.length > 0) {
        try {
          await writeAll(to.output, allowed);
        } catch {
          return "refused";
        }
        direction.passed?.(allowed);
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

  /** Tells both sides why it ends, where the proxy is the one who ends it. */
  async #sayClose(up: Direction, down: Direction): Promise<void> {
    const said = this.#closing?.said ?? up.frames.violation ?? down.frames.violation;
    if (said === undefined) return;
    const tell = async ({ to, frames, end }: Direction, masked: boolean): Promise<void> => {
      // Into what is still being written nothing can be put; to who has closed or gone there is nothing to say.
      const isFree = (end === "stopped" || end === "violation") && frames.isAtBoundary;
      if (!isFree || frames.hasClosed) return;
      await writeAll(to.output, closeFrame(said, { masked })).catch(() => {});
    };
    await this.#within(Promise.all([tell(up, true), tell(down, false)]));
  }

  #outcome(up: Direction, down: Direction, first: Direction): "complete" | "client_gone" | ProxyFault {
    if (this.#closing !== undefined) return this.#closing.as ?? "complete";
    for (const { frames } of [up, down]) {
      if (frames.violation === undefined) continue;
      const what = frames === up.frames ? "The client" : "The upstream";
      return new ProxyFault("payload_too_large", `${what} sent ${frames.violation.reason}.`);
    }
    // Who has said that it closes may leave.
    if (up.frames.hasClosed || down.frames.hasClosed) return "complete";
    const isClientGone = first === up ? up.end === "ended" : down.end === "refused";
    return isClientGone
      ? "client_gone"
      : new ProxyFault("bad_gateway", "The upstream ended the WebSocket without a close.");
  }

  /** From outside, at once: the client left, or a limit passed. */
  #abort(reason: Error | undefined): void {
    this.#end(reason instanceof ProxyFault ? reason : "client_gone");
    this.#parts.upstream.close();
    this.#stop();
  }

  #end(how: "complete" | "client_gone" | ProxyFault): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#parts.cancellation.onCancel(undefined);
    this.#parts.ended(how);
  }
}
