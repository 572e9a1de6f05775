/** Types for the choice of an endpoint: what the choice depends on, and its result. */

import type { UnnamedApi } from "../apis/unnamed_paths.ts";
import type { Endpoint } from "../config/config.ts";

/** Which models the endpoints list, and which endpoints have sent a list. */
export interface KnownLists {
  /** Whether the last list of an endpoint, by its name, has a model. */
  readonly has: (endpoint: string, model: string) => boolean;
  /** Whether an endpoint, by its name, has sent a list. */
  readonly isKnown: (endpoint: string) => boolean;
}

/** A request whose endpoint is to be chosen. */
export interface Unrouted {
  readonly api: UnnamedApi;
  /** The model that the request names. `undefined` if it names none, or names it at an unknown place. */
  readonly model: string | undefined;
  /** Whether the client may use an endpoint, and may reach it by a model. */
  readonly mayUse: (endpoint: Endpoint) => boolean;
}

/** Why an endpoint was chosen. */
export type ChoiceReason =
  /** A rule of `[[routes]]` matches the model. */
  | "route"
  /** The name of the model begins with the name of the endpoint. */
  | "prefix"
  /** The endpoint's own list has the model. */
  | "list"
  /** The endpoint belongs to the maker of the model. */
  | "maker"
  /** It is the default endpoint. */
  | "default"
  /** No other endpoint has the API. */
  | "only";

/** The endpoint of a request, and the model to send. */
export interface Choice {
  readonly endpoint: Endpoint;
  /** The model to send. `undefined` if the request names none. */
  readonly model: string | undefined;
  readonly reason: ChoiceReason;
  /** The rule of the configuration file that matched, as a text for people. */
  readonly rule?: string;
  /** Further endpoints that list the model. They come after the chosen endpoint in the configuration file. */
  readonly others?: readonly string[];
}
