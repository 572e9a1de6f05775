/** What the main thread, with the management plane, and the serving threads call at each other. */

import type { TakenExchange } from "../../accounting/account_admission.ts";
import type { ObjectResponse } from "../../accounting/settlement/object_response.ts";
import type { HeldAmounts, ObjectCreator } from "../../accounting/settlement/open_objects.ts";
import type { RunningExchange } from "../../accounting/running_exchange.ts";
import type { ReportedPart, Settlement } from "../../accounting/settlement/settlement.ts";
import type { JwtAccess } from "../../auth/jwt/client_jwt.ts";
import type { GuessPlace } from "../../auth/guess_place.ts";
import type { Scheme } from "../../auth/page_origin.ts";
import type { BackendReport } from "../../forwarding/balancer.ts";
import type { IncomingRequest, OutgoingReply } from "../../http/message.ts";
import type { Reservation } from "../../limits/ledger.ts";
import type { Subject } from "../../principal.ts";
import type { AwaitedObject, MadeObject, ObjectKey, ObjectMaker } from "../../storage/object_store.ts";
import type { ExchangeRow, Store } from "../../storage/store.ts";

/**
 * A value as JSON. The copy of an object in a message costs more than twice as much. A member that is
 * `undefined` is left out, and numbers must be finite.
 */
export type Json<Value> = string & { readonly value?: Value };

/** Writes a value for {@link fromJson} in another thread. */
export function toJson<Value extends object>(value: Value): Json<Value> {
  return JSON.stringify(value);
}

/** Reads what {@link toJson} wrote in another thread. */
export function fromJson<Value>(text: Json<Value>): Value {
  // The type of the text says of which value it is.
  return JSON.parse(text) as Value;
}

/** A request that wants to run. */
export interface SentTake {
  /** The id of its exchange. */
  readonly id: string;
  /** The number of its subjects, by {@link LimitMethods.defineSubjects}. */
  readonly subjects: number;
  readonly isFree: boolean;
  readonly models: readonly string[];
  /** What the request may use. `undefined` if that is not reserved. */
  readonly reservation: Reservation | undefined;
  readonly exchange: Json<TakenExchange>;
}

/** What the main thread does about the limits of requests. A request is named by the id of its exchange. */
export interface LimitMethods {
  /** Sets the subjects of a number. Requests of a token have the same ones until its rules change. */
  readonly defineSubjects: (number: number, subjects: readonly Subject[]) => void;
  /** Forgets all numbers of subjects. */
  readonly forgetSubjects: () => void;
  /** Throws if a limit is reached, and counts nothing. */
  readonly checkLimits: (subjects: number, isFree: boolean) => void;
  /** Counts a request for its limits, and reserves what it may use. Throws if a limit is reached. */
  readonly take: (take: SentTake) => Promise<void> | undefined;
  /** Counts a request that ended before it wanted to run. */
  readonly countRequest: (subjects: number) => void;
  /** Counts a further page of a list. Throws if a limit is reached. */
  readonly countPage: (subjects: number, mayExceed: boolean) => void;
  readonly reserveMore: (id: string, reservation: Reservation) => void;
  readonly handOver: (id: string) => void;
  /** Replaces the reservation of a request by what the request used. */
  readonly settle: (id: string, used: { readonly tokens: number; readonly micros: number }) => void;
}

/** A response about an object. Its functions are `chargeObject` of {@link ManagedThreadMethods}. */
export interface SentObjectResponse extends Omit<ObjectResponse, "receivedBytes" | "charge" | "asOwnObject"> {
  readonly receivedBytes: number;
  /** What `asOwnObject` returns, with any id. */
  readonly ownObject: AwaitedObject;
}

/** A request to the management plane. A body is pulled piece by piece. */
export interface SentRequest
  extends Pick<IncomingRequest, "method" | "target" | "fields" | "peer" | "isTls" | "entry"> {
  readonly path: string;
  readonly address: string;
  readonly guessPlace: GuessPlace;
  readonly scheme: Scheme | undefined;
  /** The length of the body. `undefined` if it is not known, and `null` if there is no body. */
  readonly bodyLength: number | undefined | null;
}

/** The response of the management plane. A body that is not in memory is pulled piece by piece. */
export interface SentReply extends Pick<OutgoingReply, "status" | "reason" | "fields" | "omittedLength"> {
  readonly body: Uint8Array | null | { readonly length: number | undefined };
}

/** What a thread says about the backends of an endpoint. */
export interface SentBackend extends Omit<BackendReport, "backend"> {
  readonly backend: string;
}

/** What a thread knows that the main thread shows. */
export interface ThreadReport {
  readonly running: readonly RunningExchange[];
  readonly backends: ReadonlyMap<string, readonly SentBackend[]>;
}

/** The methods of the store that serving threads use. */
type UsedStore = Pick<
  Store,
  | "readAccess"
  | "readAccessChanges"
  | "addMadeObjects"
  | "removeMadeObjects"
  | "findMadeObjects"
  | "listObjectMakers"
  | "readNote"
  | "writeNote"
>;

/** What a serving thread calls at the main thread. */
export interface ManagementMethods extends LimitMethods, UsedStore {
  /** Decrypts a provider key. Returns what `SecretBox.open` does. */
  readonly openKey: (sealed: Uint8Array, context: string) => Promise<string | undefined>;
  /** The person of an account at a provider. */
  readonly personOf: JwtAccess["personOf"];
  /** Records an exchange that has ended. It follows `settle`. */
  readonly ended: (row: Json<ExchangeRow>) => void;
  /** Counts an exchange that has no row, with the reason. */
  readonly dropped: (id: string, reason: string) => void;
  readonly refused: (ending: string) => void;
  readonly failedOver: (failure: { readonly endpoint: string | undefined; readonly backend: string }) => void;
  readonly contradicted: (endpoint: string | undefined) => void;
  /**
   * Sets the first number of `done` to 1 and wakes its thread, when the object is on its way to the database.
   */
  readonly objectAdded: (object: AwaitedObject, held: HeldAmounts, done: SharedArrayBuffer) => void;
  readonly objectReceived: (at: ObjectKey, bytes: number) => void;
  readonly objectEnded: (id: number, response: SentObjectResponse) => void;
  /**
   * Answers a request to the management plane. Returns `undefined` if its path is not one of the management
   * plane.
   */
  readonly answer: (id: number, request: SentRequest) => Promise<SentReply | undefined>;
  /** The next piece of the body of a response. */
  readonly pullReply: (id: number) => Promise<Uint8Array | null>;
  /** The client of a request left, or does not want the rest of the response. */
  readonly endRequest: (id: number) => void;
}

/** What the main thread calls at a serving thread. */
export interface ManagedThreadMethods {
  /**
   * The charge of an object by reported usage, for a response of `objectEnded`. Throws if the thread no
   * longer has the response.
   */
  readonly chargeObject: (
    id: number,
    object: AwaitedObject,
    part: ReportedPart,
  ) => Settlement | Promise<Settlement>;
  /**
   * The charge of an object that a request of the thread made, at the prices of that request. `undefined` if
   * the thread does not know them any more.
   */
  readonly chargeMade: (object: AwaitedObject, part: ReportedPart) => Settlement | undefined;
  /** No further object of a creator can be awaited for a while. */
  readonly noRoom: (creator: ObjectCreator) => void;
  /** The next piece of the body of a request. */
  readonly pullBody: (id: number) => Promise<Uint8Array | null>;
  /** The client of a request is authenticated, with its holder. */
  readonly authenticated: (id: number, holder: string) => void;
  readonly report: () => Promise<ThreadReport>;
  /** Another thread has learned of an object, whose maker every thread must know. */
  readonly learnMaker: (maker: ObjectMaker) => void;
  /** Another thread has learned that the provider deleted an object. */
  readonly forgetObject: (object: Pick<MadeObject, "id" | "account">) => void;
}
