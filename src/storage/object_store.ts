/** Objects at providers in a store: those whose usage counts later, and who made which. */

/** The key of an object: an endpoint, and the provider's id. */
export interface ObjectKey {
  readonly endpoint: string;
  readonly id: string;
  /**
   * The account at the provider, by `providerAccount`. Endpoints with the same account share their objects.
   * If it is `undefined`, only the endpoint counts.
   */
  readonly providerAccount?: string | undefined;
}

/**
 * An object at a provider that goes on after its request, such as a background response or a batch. Its usage
 * counts when it is done. The store keeps none of its content.
 */
export interface AwaitedObject extends ObjectKey {
  /** The kind of object: `response`, `batch`, … */
  readonly kind: string;
  /** The id of the file with the results of a batch; `undefined` if it is not known yet. */
  readonly resultsId: string | undefined;
  /** The id of the request that created the object. */
  readonly requestId: string;
  readonly path: string;
  readonly provider: string | undefined;
  readonly backend: string | undefined;
  /** The name of the client that created the object. */
  readonly principal: string;
  readonly tokenId: string | undefined;
  readonly projectId: string | undefined;
  readonly client: string;
  readonly model: string | undefined;
  /** The service tier that the request named, which changes the price. */
  readonly tier: string | undefined;
  /** The keys of the rules for models that the usage counts for. */
  readonly modelRules: readonly string[];
  /** The tokens that were reserved when the object was created. */
  readonly reservedTokens: number;
  /** The money that stays reserved until the object is done, in millionths of a US dollar. */
  readonly reservedMicros: number;
  /** The bytes of text that one request received of the object: the highest number of any request. */
  readonly receivedBytes: number;
  readonly madeAt: number;
  /** When the reservation is charged if the usage is not known by then. */
  readonly expiresAt: number;
}

/** An object in the store, with its settlement if its usage has been counted. */
export interface KeptObject extends AwaitedObject {
  /** When the usage was counted, and its cost; `undefined` if it was not counted yet. */
  readonly settled: { readonly at: number; readonly micros: number } | undefined;
}

/** Objects that have changed. */
export interface ChangedObjects {
  readonly objects: readonly KeptObject[];
  /**
   * When they were read, in milliseconds since 1970, by the clock of the database: those of the programs
   * differ.
   */
  readonly at: number;
}

/**
 * How long a change may take until others see it, in milliseconds. A transaction that waits for a lock is
 * committed long after its change.
 */
export const CHANGES_MARGIN_MS = 60_000;

/**
 * Who made an object at a provider, so that only its maker can use it. The store keeps none of its content.
 */
export interface MadeObject {
  /** The account at the provider, by `providerAccount`. */
  readonly account: string;
  /** The provider's id in lower case, with its folder if the provider's names have one: `files/abc`. */
  readonly id: string;
  /** The name of the backend that made the object. */
  readonly backend: string;
  /** The key of the token that made the object, by `tokenKey`. */
  readonly maker: string;
  /** The project of the token; `undefined` if the configuration has the token. */
  readonly projectId: string | undefined;
  readonly madeAt: number;
  /** When the provider has deleted the object, at the latest. */
  readonly expiresAt: number;
}

/** A token that made objects at an account. */
export type ObjectMaker = Pick<MadeObject, "account" | "maker" | "projectId">;

/** Keeps objects until their usage is known. Every method may throw a `StoreError`. */
export interface AwaitedObjectStore {
  /** Adds an object. Resolves with `false` if the store has the object already. */
  readonly addObject: (object: AwaitedObject) => Promise<boolean>;
  /**
   * Finds an object by its id, or by the id of its results: of the endpoint, or else of an endpoint with the
   * same account at the provider.
   */
  readonly findObject: (key: ObjectKey) => Promise<KeptObject | undefined>;
  /** Lists the objects that are not settled. */
  readonly listUnsettledObjects: () => Promise<AwaitedObject[]>;
  /**
   * Lists the objects that were added, changed or settled since an earlier list, whose `at` is `since`.
   * Without it, the latest ones. Lists those of the last {@link CHANGES_MARGIN_MS} before it again.
   */
  readonly listChangedObjects: (since?: number) => Promise<ChangedObjects>;
  /** Sets the id of the file with the results of a batch. A later call does not change it. */
  readonly setResultsId: (key: ObjectKey, resultsId: string) => Promise<void>;
  /** Raises the received bytes of an object that is not settled. A lower number changes nothing. */
  readonly raiseReceivedBytes: (key: ObjectKey, bytes: number) => Promise<void>;
  /** Deletes settled objects: those created before a moment, and the oldest beyond a number. */
  readonly pruneObjects: (limits: { madeBefore: number; maxSettled: number }) => Promise<void>;
}

/** Keeps who made which objects. Every method may throw a `StoreError`. */
export interface MadeObjectStore {
  /** Adds objects with their makers. The first maker of an object stays. */
  readonly addMadeObjects: (objects: readonly MadeObject[]) => Promise<void>;
  /**
   * Removes objects, because the provider has deleted them. Their makers stay in {@link listObjectMakers}.
   */
  readonly removeMadeObjects: (objects: readonly Pick<MadeObject, "account" | "id">[]) => Promise<void>;
  /** Finds objects by their ids, at all accounts. */
  readonly findMadeObjects: (ids: readonly string[]) => Promise<MadeObject[]>;
  /** Lists the tokens that made objects, by account. */
  readonly listObjectMakers: () => Promise<ObjectMaker[]>;
  /**
   * Deletes expired objects, and the oldest ones beyond a number for each maker at an account and for all.
   */
  readonly pruneMadeObjects: (limits: { now: number; maxOfMaker: number; max: number }) => Promise<void>;
}
