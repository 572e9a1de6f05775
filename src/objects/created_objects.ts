/** Learns which objects a response creates, and whose they are. */

import type { Operation } from "../apis/operations.ts";
import type { Backend, Endpoint } from "../config/config.ts";
import { type Field, field } from "../http/fields.ts";
import { compileSelection } from "../payload/json_selection.ts";
import { MessageScanner } from "../payload/message_scanner.ts";
import type { Principal } from "../principal.ts";
import type { MadeObject, ObjectMaker } from "../storage/object_store.ts";
import type { Clock } from "../time/clock.ts";
import type { KnownObjects } from "./known_objects.ts";
import { lifetimeOf } from "./lifetime.ts";
import { keptId } from "./object_ids.ts";
import type { ObjectRequest } from "./object_request.ts";
import { type IdRole, ResponseIds } from "./response_ids.ts";
import { begunUpload } from "./upload_session.ts";

/** The exchange whose objects are checked and learned. */
export interface ObjectExchange {
  readonly principal: Principal;
  readonly endpoint: Endpoint;
  /** Whether the provider stores a chat completion, as far as the request has shown. */
  readonly isStored: () => boolean;
}

/** What {@link CreatedObjects} needs of the request. */
export interface CreatedObjectsParts {
  readonly objects: KnownObjects;
  readonly clock: Clock;
  readonly request: ObjectRequest;
  /** The object that the path names. `undefined` if the path names no known object. */
  readonly described: () => MadeObject | undefined;
  /** The ids in the body. `undefined` if the proxy has not read the body. */
  readonly inBody: () => ReadonlySet<string> | undefined;
  /** Whether the body has more ids than {@link inBody}, so that the response can repeat any id. */
  readonly hasUnknownIds: () => boolean;
}

/** No response shows more containers and files with results. */
const MAX_OTHERS = 16;
/** Operations whose responses name files with results, which the provider made. */
export const HAVE_RESULTS: ReadonlySet<Operation> = new Set([
  "batch",
  "batch_cancel",
  "batches",
  "batch_jobs",
  "fine_tuning",
  "fine_tuning_cancel",
]);
const SWITCHING = 101;
const IN_EVENTS = compileSelection({ response: { id: true } });
/** The stream of a run describes a new thread and its run. Other responses describe one object. */
const MAX_OF_RUN = 2;

/** The objects that the response of one exchange creates. */
export class CreatedObjects {
  readonly #exchange: ObjectExchange;
  readonly #parts: CreatedObjectsParts;
  #ids: ResponseIds | undefined;
  #messages: MessageScanner | undefined;
  /** The id in the last event of a WebSocket. */
  #lastId = "";
  /** Whether the rest of the response cannot show another object. */
  #isKnown = false;
  #account: string | undefined;
  #backend = "";
  #count = 0;
  /** The containers and files with results so far. */
  #others = 0;

  constructor(exchange: ObjectExchange, parts: CreatedObjectsParts) {
    this.#exchange = exchange;
    this.#parts = parts;
  }

  /** The head of the response has arrived. */
  onResponse(
    { status, fields }: { readonly status: number; readonly fields: readonly Field[] },
    backend: Backend,
  ): void {
    const { request } = this.#parts;
    if (status === SWITCHING && request.operation === "responses") return this.#readMessages(backend);
    if (status < 200 || status > 299) return;
    if (request.deletedName !== undefined) this.#forget(request.deletedName, backend);
    if (!request.creates && this.#parts.described() === undefined && this.#parts.inBody() === undefined) {
      return;
    }
    if (request.operation === "chat_completions" && !this.#exchange.isStored()) return;
    this.#account = this.#accountOf(backend);
    this.#backend = backend.name;
    if (this.#account === undefined) return;
    const upload = begunUpload(fields);
    if (upload !== undefined) this.#add(upload);
    this.#ids = ResponseIds.of(fields, backend.name, (role, id) => this.#found(role, id));
  }

  /** The next piece of the response, which is valid during this call. */
  onPiece(piece: Uint8Array): void {
    if (!this.#isKnown) this.#ids?.write(piece);
    this.#messages?.write(piece);
  }

  /** The response has ended. */
  onEnd(): void {
    const reading = this.#ids?.end();
    if (reading !== undefined) this.#parts.objects.reads(reading);
  }

  /** Each response on a WebSocket of OpenAI's responses begins with an event that shows its id. */
  #readMessages(backend: Backend): void {
    this.#account = this.#accountOf(backend);
    this.#backend = backend.name;
    this.#messages = new MessageScanner(IN_EVENTS, {
      onValue: (_path, value) => {
        // All events of a response have its id.
        if (typeof value !== "string" || value === this.#lastId) return;
        this.#lastId = value;
        const kept = keptId(value);
        if (kept !== undefined) this.#add(kept);
      },
      onEnd() {},
    });
  }

  #found(role: IdRole, id: string): void {
    const { request } = this.#parts;
    if (this.#parts.hasUnknownIds()) return;
    const kept = keptId(id) ?? (role === "created" ? request.unusualId(id) : undefined);
    // A response can repeat an id of its request.
    if (kept === undefined || request.inHead.has(kept) || this.#parts.inBody()?.has(kept) === true) return;
    const { dialect } = this.#exchange.endpoint;
    switch (role) {
      case "created":
      case "named": {
        // Only Google's names are ids. Other objects have names that clients choose.
        const isGoogles = dialect === "gemini" || dialect === "generic";
        const isPath = id.includes("/");
        if (!request.creates || isPath && !isGoogles || role === "named" && !isPath) return;
        const isRun = request.operation === "thread_runs";
        if (this.#count++ < (isRun ? MAX_OF_RUN : 1)) this.#add(kept);
        // The longest streams begin with the id.
        this.#isKnown = this.#parts.inBody() === undefined && !isRun;
        return;
      }
      case "conversation":
        // The restart of a conversation makes another one, by an operation of stored objects.
        return this.#createdBy(["conversations", "other_stored"], kept);
      case "batch":
        return this.#createdBy(["batches"], kept);
      case "video":
        return this.#createdBy(["videos"], kept);
      case "thread":
        // A run in a thread names the thread of the path. Another run creates a thread.
        if (request.operation === "thread_runs" && request.inPath.size === 0) this.#add(kept);
        return;
      case "file of an upload":
        if (request.operation === "upload") this.#add(kept);
        return;
      case "container of messages":
        return this.#addContainer("messages", kept);
      case "container of a response":
        return this.#addContainer("responses", kept);
      case "result":
        if (HAVE_RESULTS.has(request.operation)) this.#addResult(kept);
        return;
      default:
        role satisfies never;
    }
  }

  /**
   * Adds the object that the response describes, if the request creates objects by one of some operations.
   */
  #createdBy(operations: readonly Operation[], id: string): void {
    const { request } = this.#parts;
    if (request.creates && operations.includes(request.operation) && this.#count++ === 0) this.#add(id);
  }

  /**
   * A request without ids gets a new container. One that continues a response can get an earlier container.
   */
  #addContainer(operation: Operation, id: string): void {
    const isNew = this.#parts.request.operation === operation && this.#parts.inBody()?.size === 0;
    if (isNew && this.#others++ < MAX_OTHERS) this.#add(id);
  }

  /** Adds the files with results that an element of a list names. */
  addResults({ account, backend, maker, projectId }: MadeObject, element: Uint8Array): void {
    const madeAt = this.#parts.clock.epochMs();
    const json = [field("content-type", "application/json")];
    ResponseIds.of(json, backend, (role, id) => {
      const kept = keptId(id);
      if (role !== "result" || kept === undefined) return;
      const expiresAt = madeAt + lifetimeOf(kept);
      this.#parts.objects.add({ account, backend, maker, projectId, id: kept, madeAt, expiresAt });
    })?.write(element);
  }

  /**
   * Forgets an object of this client that the provider has deleted, because another client can choose its
   * name.
   */
  #forget(id: string, backend: Backend): void {
    const account = this.#accountOf(backend);
    if (account !== undefined) this.#parts.objects.remove({ id, account });
  }

  /** Adds an object of this client, or of the maker of the object that it is a result of. */
  #add(id: string, of?: ObjectMaker): void {
    const { principal } = this.#exchange;
    if (this.#account === undefined) return;
    const madeAt = this.#parts.clock.epochMs();
    const { objects } = this.#parts;
    const object = {
      account: this.#account,
      id,
      backend: this.#backend,
      maker: of === undefined ? principal.key : of.maker,
      projectId: of === undefined ? principal.projectId : of.projectId,
      madeAt,
      expiresAt: madeAt + lifetimeOf(id),
    };
    const isChosenName = id.includes("/") && this.#exchange.endpoint.dialect === "gemini";
    if (isChosenName) objects.replace(object);
    else objects.add(object);
  }

  #accountOf(backend: Backend): string | undefined {
    const { endpoint, principal } = this.#exchange;
    return this.#parts.objects.accountOf(backend, endpoint, principal);
  }

  /** Adds a file with results of the object that the path names. */
  #addResult(id: string): void {
    const described = this.#parts.described();
    if (described !== undefined && this.#others++ < MAX_OTHERS) this.#add(id, described);
  }
}
