/** The serving threads, as the management plane in the main thread sees them. */

import type { AccountLimiter, TakenExchange } from "../../accounting/account_admission.ts";
import type { RunningExchange } from "../../accounting/running_exchange.ts";
import type { Objects } from "../../accounting/settlement/objects.ts";
import { objectKey } from "../../accounting/settlement/open_objects.ts";
import type { ReportedPart, Settlement } from "../../accounting/settlement/settlement.ts";
import type { JwtAccess } from "../../auth/jwt/client_jwt.ts";
import type { KnownObjects } from "../../objects/known_objects.ts";
import type { ManagementRoutes } from "../../own_routes/own_reply.ts";
import type { SecretBox } from "../../storage/secret_box.ts";
import type { AwaitedObject } from "../../storage/object_store.ts";
import type { ExchangeRow, Store } from "../../storage/store.ts";
import type { Clock } from "../../time/clock.ts";
import type { ThreadPort } from "../../workers/thread_port.ts";
import { cutRow } from "./cut_row.ts";
import {
  fromJson,
  type ManagedThreadMethods,
  type ManagementMethods,
  type SentBackend,
  type ThreadReport,
} from "./methods.ts";
import { SharedState } from "./shared_state.ts";
import { ThreadLimits } from "./thread_limits.ts";
import { ThreadRequests } from "./thread_requests.ts";

/** How long the main thread waits for what a thread reports, in milliseconds. */
const REPORT_MS = 500;
/** The most objects whose threads are remembered. A thread does not know the prices of more objects. */
const MAX_MADE = 1_000;

/** What {@link ManagedThreads} needs of the management plane. */
export interface ManagedThreadsParts {
  readonly store: Store;
  readonly box: Pick<SecretBox, "open">;
  readonly clock: Clock;
  readonly limiter: AccountLimiter;
  readonly objects: Pick<Objects, "hasRoom" | "add" | "received" | "responseEnded">;
  readonly knownObjects: Pick<KnownObjects, "learnMaker" | "forget">;
  readonly answer: ManagementRoutes["answer"];
  readonly personOf: JwtAccess["personOf"];
  /** Called when a request begins to run. */
  readonly onTaken: (exchange: () => TakenExchange) => void;
  /** Called with the row of each exchange that has ended. */
  readonly onEnded: (row: ExchangeRow) => void;
  readonly onDropped: (reason: string) => void;
  readonly onRefused: (ending: string) => void;
  readonly onFailover: (failure: { readonly endpoint: string | undefined; readonly backend: string }) => void;
  readonly onContradiction: (endpoint: string | undefined) => void;
}

/** What the main thread keeps of one thread. */
interface Thread {
  readonly port: ThreadPort<ManagedThreadMethods>;
  readonly limits: ThreadLimits;
  readonly requests: ThreadRequests;
  /** The last report. `undefined` before the first one. */
  report: ThreadReport | undefined;
}

/** Serves the calls of all serving threads. */
export class ManagedThreads {
  readonly state = new SharedState();
  readonly #parts: ManagedThreadsParts;
  readonly #threads = new Set<Thread>();
  /** The threads whose requests made the latest objects, by the keys of the objects. */
  readonly #makers = new Map<string, Thread>();
  /** When the last report began. */
  #reportedAt = Number.NEGATIVE_INFINITY;
  /** Settles when no report is being made. */
  #reporting: Promise<void> = Promise.resolve();
  /** The report that begins next. `undefined` if no caller waits for one. */
  #next: Promise<void> | undefined;

  constructor(parts: ManagedThreadsParts) {
    this.#parts = parts;
  }

  /** Adds a thread. Returns what it can call, and a function to call when the thread has ended. */
  add(
    port: ThreadPort<ManagedThreadMethods>,
  ): { readonly offered: ManagementMethods; readonly end: () => void } {
    const { limiter, onTaken } = this.#parts;
    const thread: Thread = {
      port,
      limits: new ThreadLimits({ limiter, onTaken }),
      requests: new ThreadRequests(
        port,
        async (request, client) => await this.#parts.answer(request, client) ?? unanswered(client.path),
      ),
      report: undefined,
    };
    this.#threads.add(thread);
    return { offered: this.#offeredTo(thread), end: () => this.#end(thread) };
  }

  /**
   * Asks all threads for a report. Resolves when they have reported, or have not in time. A report takes time
   * in proportion to the running exchanges, so callers at the same time share one: it begins when the one
   * before has ended. A report that is at most `maxAgeMs` old is used again.
   */
  refresh({ maxAgeMs = 0 }: { maxAgeMs?: number } = {}): Promise<void> {
    if (maxAgeMs > 0 && this.#parts.clock.now() - this.#reportedAt <= maxAgeMs) return Promise.resolve();
    const next = this.#next ?? this.#reporting.then(() => {
      this.#next = undefined;
      this.#reporting = this.#report();
      return this.#reporting;
    });
    this.#next = next;
    return next;
  }

  async #report(): Promise<void> {
    this.#reportedAt = this.#parts.clock.now();
    await Promise.all([...this.#threads].map(async (thread) => {
      const late = Promise.withResolvers<undefined>();
      const stopTimer = this.#parts.clock.after(REPORT_MS, () => late.resolve(undefined));
      const reported = thread.port.call("report").catch(() => undefined);
      thread.report = await Promise.race([reported, late.promise]) ?? thread.report;
      stopTimer();
    }));
  }

  /** The exchanges that run, by the last reports. */
  running(): readonly RunningExchange[] {
    return [...this.#threads].flatMap(({ limits, report }) => report?.running ?? limits.running)
      .sort((one, other) => one.startedAt - other.startedAt);
  }

  /** The states of the backends of an endpoint in all threads, by the last reports. */
  backends(endpoint: string): readonly (readonly SentBackend[])[] {
    return [...this.#threads].flatMap(({ report }) => {
      const backends = report?.backends.get(endpoint);
      return backends === undefined ? [] : [backends];
    });
  }

  /** The thread has ended. Its exchanges end as cut. */
  #end(thread: Thread): void {
    const { clock, onEnded } = this.#parts;
    this.#threads.delete(thread);
    thread.requests.endAll();
    for (const cut of thread.limits.cut()) onEnded(cutRow(cut, clock.epochMs()));
  }

  #made(object: AwaitedObject, thread: Thread): void {
    const [oldest] = this.#makers.keys();
    if (this.#makers.size >= MAX_MADE && oldest !== undefined) this.#makers.delete(oldest);
    this.#makers.set(objectKey(object), thread);
  }

  /** The charge of an object by the thread that made it, which knows the prices of that time. */
  async #chargeMade(object: AwaitedObject, part: ReportedPart): Promise<Settlement | undefined> {
    const maker = this.#makers.get(objectKey(object));
    if (maker === undefined || !this.#threads.has(maker)) return undefined;
    // The thread may end meanwhile. The thread with the response then knows a price too.
    return await maker.port.call("chargeMade", object, part).catch(() => undefined);
  }

  #others(thread: Thread): Thread[] {
    return [...this.#threads].filter((other) => other !== thread);
  }

  #offeredTo(thread: Thread): ManagementMethods {
    const {
      store,
      box,
      objects,
      personOf,
      knownObjects,
      onEnded,
      onDropped,
      onRefused,
      onFailover,
      onContradiction,
    } = this.#parts;
    const { limits, requests, port } = thread;
    return {
      defineSubjects: (number, subjects) => limits.defineSubjects(number, subjects),
      forgetSubjects: () => limits.forgetSubjects(),
      checkLimits: (subjects, isFree) => limits.checkLimits(subjects, isFree),
      take: (take) => limits.take(take),
      countRequest: (subjects) => limits.countRequest(subjects),
      countPage: (subjects, mayExceed) => limits.countPage(subjects, mayExceed),
      reserveMore: (id, reservation) => limits.reserveMore(id, reservation),
      handOver: (id) => limits.handOver(id),
      settle: (id, used) => limits.settle(id, used),
      readAccess: () => store.readAccess(),
      readAccessChanges: (position) => store.readAccessChanges(position),
      addMadeObjects: async (made) => {
        await store.addMadeObjects(made);
        for (const maker of made) {
          knownObjects.learnMaker(maker);
          for (const other of this.#others(thread)) other.port.send("learnMaker", maker);
        }
      },
      removeMadeObjects: async (removed) => {
        await store.removeMadeObjects(removed);
        for (const object of removed) {
          knownObjects.forget(object);
          for (const other of this.#others(thread)) other.port.send("forgetObject", object);
        }
      },
      findMadeObjects: (ids) => store.findMadeObjects(ids),
      listObjectMakers: () => store.listObjectMakers(),
      personOf: (account) => personOf(account),
      readNote: (name) => store.readNote(name),
      writeNote: (name, value) => store.writeNote(name, value),
      openKey: (sealed, context) => box.open(sealed, context),
      ended: (text) => {
        const row = fromJson(text);
        onEnded({ ...row, booking: limits.takeBooking(row.requestId) });
      },
      dropped: (id, reason) => {
        limits.takeBooking(id);
        onDropped(reason);
      },
      refused: onRefused,
      failedOver: onFailover,
      contradicted: onContradiction,
      objectAdded: (object, held, done) => {
        this.#made(object, thread);
        objects.add(object, held);
        Atomics.store(new Int32Array(done), 0, 1);
        Atomics.notify(new Int32Array(done), 0);
        const { tokenId, principal } = object;
        if (objects.hasRoom({ tokenId, principal })) return;
        for (const { port } of this.#threads) port.send("noRoom", { tokenId, principal });
      },
      objectReceived: (at, bytes) => objects.received(at, bytes),
      objectEnded: (id, { receivedBytes, ownObject, ...response }) =>
        objects.responseEnded({
          ...response,
          receivedBytes: () => receivedBytes,
          charge: async (object, part) =>
            await this.#chargeMade(object, part) ?? await port.call("chargeObject", id, object, part),
          asOwnObject: (id) => ({ ...ownObject, id }),
        }),
      answer: (id, request) => requests.answer(id, request),
      pullReply: (id) => requests.pull(id),
      endRequest: (id) => requests.end(id),
    };
  }
}

function unanswered(path: string): never {
  throw new TypeError(`The management plane does not know ${path}.`);
}
