/**
 * The parts of an account: the exchange that it belongs to, its owner, and the parts that all accounts share.
 */

import type { Clock } from "../time/clock.ts";
import type { Endpoint } from "../config/config.ts";
import type { ExchangeAccount } from "../exchange/observers.ts";
import type { ExchangeRecord } from "../exchange_record.ts";
import type { Field } from "../http/fields.ts";
import type { Account } from "./account.ts";
import type { EndpointPrices } from "./prices/endpoint_prices.ts";
import type { AwaitedObject } from "../storage/object_store.ts";
import type { MadeAt, MadePrices } from "./settlement/made_prices.ts";
import type { Objects } from "./settlement/objects.ts";
import type { RecentOutputs } from "./estimates/recent_outputs.ts";
import type { RecentSpeeds } from "./estimates/recent_speeds.ts";

/** The exchange of an account, with the facts that accounting needs. */
export interface AccountedExchange {
  readonly id: string;
  /** The path as records have it: harmless, short and without credentials. */
  readonly loggedPath: string;
  /**
   * The endpoint of the exchange. `undefined` if the path has none, or the model of the request has not
   * chosen one yet.
   */
  readonly endpoint: Endpoint | undefined;
  /**
   * The model that the client named, if the proxy sends another one. `undefined` if it sends the model of the
   * request.
   */
  readonly modelAsked?: string | undefined;
  readonly request: { readonly fields: readonly Field[] };
  /** Removes the credentials of the request from a text. */
  readonly redact: (text: string) => string;
}

/** The owner of an account, which opened it and closes it at the end of its exchange. */
export interface AccountOwner {
  /** The prices of an endpoint, which requests share. */
  readonly pricesOf: (endpoint: Endpoint | undefined) => EndpointPrices;
  /** Settles the account. Returns the result of {@link ExchangeAccount.settle}. */
  readonly close: (account: Account, record: ExchangeRecord) => ReturnType<ExchangeAccount["settle"]>;
}

/** The parts that all accounts share. */
export interface AccountParts {
  readonly clock: Clock;
  readonly outputs: RecentOutputs;
  readonly speeds: RecentSpeeds;
  /** The prices at which objects were made. */
  readonly madePrices: MadePrices;
  /**
   * Returns the present prices at the endpoint and the backend that made an object. `undefined` if the
   * configuration has no such endpoint any more.
   */
  readonly pricesAt: (object: AwaitedObject) => MadeAt | undefined;
  /** Keeps objects that continue after their exchange. */
  readonly objects: Pick<Objects, "hasRoom" | "add" | "received">;
}
