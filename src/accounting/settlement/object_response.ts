import type { AwaitedObject } from "../../storage/object_store.ts";
import type { ObjectRequest } from "./object_paths.ts";
import type { ResponseSummary } from "../taps/response_summary.ts";
import type { ReportedPart, Settlement } from "./settlement.ts";

/** A response about an object, and the exchange that got it. */
export interface ObjectResponse {
  readonly request: ObjectRequest;
  readonly endpoint: string;
  /** The account at the provider. `undefined` if no backend responded, or if its key is unknown. */
  readonly providerAccount: string | undefined;
  readonly summary: ResponseSummary;
  /** Whether the response was successful and complete. */
  readonly isWhole: boolean;
  /** Returns the bytes of text that running requests have received of the object so far. */
  readonly receivedBytes: () => number;
  /**
   * Computes the charge of an object by reported usage. Returns a promise if another thread computes the
   * charge.
   */
  readonly charge: (object: AwaitedObject, part: ReportedPart) => Settlement | Promise<Settlement>;
  /** Makes an object whose creator is this client, for the results of batches whose creator is unknown. */
  readonly asOwnObject: (id: string) => AwaitedObject;
}
