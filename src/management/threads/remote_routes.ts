/** The routes of the management plane in a serving thread. The main thread answers the requests. */

import type { CancellationListener } from "../../cancellation.ts";
import type { Entry, IncomingRequest, OutgoingReply } from "../../http/message.ts";
import type { ManagementRoutes } from "../../own_routes/own_reply.ts";
import { type MessageBody, nextPiece } from "../../streams/byte_source.ts";
import { RemoteBody } from "../../workers/remote_body.ts";
import type { ThreadPort } from "../../workers/thread_port.ts";
import type { ManagementMethods } from "./methods.ts";

/** The paths that the main thread answers, each with all paths below. */
export const MANAGEMENT_PATHS: readonly string[] = ["/manage", "/admin", "/metrics"];

/** A request that the main thread answers. */
interface OpenRequest {
  readonly request: IncomingRequest;
  body: MessageBody | null;
}

/** Sends requests to the main thread. */
export class RemoteRoutes {
  readonly #port: ThreadPort<ManagementMethods>;
  readonly #open = new Map<number, OpenRequest>();
  #count = 0;

  constructor(port: ThreadPort<ManagementMethods>) {
    this.#port = port;
  }

  /** Answers a request. Returns `undefined` if its path is not one of the management plane. */
  answer(
    request: IncomingRequest,
    client: Parameters<ManagementRoutes["answer"]>[1],
  ): Promise<OutgoingReply> | undefined {
    return isManagementPath(request.entry, client.path) ? this.#answer(request, client) : undefined;
  }

  /** The next piece of the body of a request. */
  async pullBody(id: number): Promise<Uint8Array | null> {
    const body = this.#open.get(id)?.body;
    // A piece is valid only until the next read.
    return body === undefined || body === null ? null : (await nextPiece(body))?.slice() ?? null;
  }

  /** The client of a request is authenticated. */
  authenticated(id: number, holder: string): void {
    this.#open.get(id)?.request.onAuthenticated?.(holder);
  }

  async #answer(
    request: IncomingRequest,
    { path, address, guessPlace, scheme }: Parameters<ManagementRoutes["answer"]>[1],
  ): Promise<OutgoingReply> {
    const { method, target, fields, peer, isTls, entry, cancellation } = request;
    const id = this.#count++;
    const departure: CancellationListener = { cancelled: () => this.#port.send("endRequest", id) };
    cancellation.addListener(departure);
    const end = (): void => {
      cancellation.removeListener(departure);
      this.#open.delete(id);
    };
    try {
      await request.acquireResponseSlot?.();
      const body = request.knownBody === undefined ? request.body : await request.knownBody();
      this.#open.set(id, { request, body });
      const reply = await this.#port.call("answer", id, {
        method,
        target,
        fields,
        peer,
        isTls,
        entry,
        path,
        address,
        guessPlace: guessPlace(),
        scheme: scheme(),
        bodyLength: body === null ? null : body.length,
      });
      if (reply === undefined) throw new TypeError(`the main thread does not know ${path}`);
      if (reply.body === null || reply.body instanceof Uint8Array) {
        end();
        return { ...reply, body: reply.body };
      }
      return { ...reply, body: this.#bodyOf(id, reply.body.length, end) };
    } catch (error) {
      end();
      throw error;
    }
  }

  #bodyOf(id: number, length: number | undefined, end: () => void): MessageBody {
    return new RemoteBody({
      length,
      pull: async () => {
        const piece = await this.#port.call("pullReply", id);
        if (piece === null) end();
        return piece;
      },
      cancel: () => {
        end();
        this.#port.send("endRequest", id);
      },
    });
  }
}

/** Whether the management plane answers a path on a port of some kind. */
function isManagementPath(entry: Entry, path: string): boolean {
  return entry === "admin" || MANAGEMENT_PATHS.some((base) => path === base || path.startsWith(`${base}/`));
}
