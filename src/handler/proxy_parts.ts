import type { Accounts } from "../accounting/accounts.ts";
import type { AccessControl } from "../auth/identify_client.ts";
import type { ModelFacts } from "../catalogue/merged_list.ts";
import type { Endpoint } from "../config/config.ts";
import type { ExchangeParts } from "../exchange/exchange_parts.ts";
import type { Balancer } from "../forwarding/balancer.ts";
import type { Transport } from "../forwarding/transport/transport.ts";
import type { ConcurrencyLimiter } from "../capacity/concurrency_limiter.ts";
import type { HeldBytes } from "../capacity/held_bytes.ts";
import type { WholeResponses } from "../capacity/whole_responses.ts";
import type { AccountLimiter } from "../accounting/account_admission.ts";
import type { ModelsParts } from "./models_response.ts";
import type { KnownObjects } from "../objects/known_objects.ts";
import type { ManagementRoutes, OwnRoutes } from "../own_routes/own_reply.ts";
import type { RoutingTable } from "../routing/table.ts";

/**
 * What the handler works with. The routes and balancers belong to one configuration; the slots, memory and
 * transport outlive it.
 */
export interface ProxyParts extends AccessControl, OwnRoutes, ExchangeParts {
  readonly routes: RoutingTable;
  /** Whether the proxy takes no new requests, because it shuts down. */
  readonly isDraining: () => boolean;
  /** The lists of models of the endpoints. */
  readonly catalogue: ModelsParts["catalogue"];
  /** The merged lists of models that were made before. */
  readonly mergedLists: ModelsParts["mergedLists"];
  /** The origins of web pages that may read replies. */
  readonly corsOrigins: readonly string[];
  /** The management plane. `undefined` if it is off. */
  readonly management: Management | undefined;
  /** Limits how many requests the proxy forwards at the same time. */
  readonly slots: Pick<ConcurrencyLimiter, "acquire">;
  /** Limits how many requests wait for a body that the proxy reads before it forwards the request. */
  readonly receivingSlots: Pick<ConcurrencyLimiter, "acquire">;
  /** The memory for bodies of all requests. */
  readonly heldBytes: HeldBytes;
  /** The responses that the proxy holds whole, in the same memory. */
  readonly wholeResponses: WholeResponses;
  /** The longest body of a request, in bytes. `undefined` if there is no limit. */
  readonly maxBodyBytes: number | undefined;
  /** The longest message on a WebSocket, in bytes. */
  readonly maxMessageBytes: number;
  /** Returns the balancer of an endpoint. Throws a `TypeError` for an endpoint of another configuration. */
  readonly balancerOf: (endpoint: Endpoint) => Balancer;
  /** The stored objects at the providers, with the clients that made them. */
  readonly objects: KnownObjects;
  readonly transport: Transport;
}

/** The management plane, as requests need it. */
export interface Management extends ManagementRoutes {
  readonly accounts: Accounts;
  readonly limiter: AccountLimiter;
  /** The price and the context window of a model. */
  readonly modelFacts: (endpoint: string, model: string) => ModelFacts;
  /** Reads the changes of tokens. Returns `undefined` if no token has changed. */
  readonly refreshed: () => Promise<void> | undefined;
}
