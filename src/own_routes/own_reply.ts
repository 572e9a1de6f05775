/**
 * The proxy's own routes, which win over endpoints: the front page, the health routes, and the management
 * plane.
 */

import type { ClientAccess } from "../auth/client_access.ts";
import type { GuessPlace } from "../auth/guess_place.ts";
import type { Scheme } from "../auth/page_origin.ts";
import type { Entry, IncomingRequest, OutgoingReply } from "../http/message.ts";
import type { RequestTarget } from "../http/request_target.ts";
import type { Clock } from "../time/clock.ts";
import { clientProbeReply } from "./client_probe.ts";
import { frontPageReply } from "./front_page.ts";
import { healthReply, type StorageHealth } from "./health.ts";
import type { AdminPlace } from "./page_html.ts";

/** The routes of the management plane. */
export interface ManagementRoutes {
  /** Responds at `/manage`, `/admin` and `/metrics`. Returns undefined for other paths. */
  readonly answer: (
    request: IncomingRequest,
    client: {
      readonly path: string;
      readonly address: string;
      /** The counter for a wrong token of the request. */
      readonly guessPlace: () => GuessPlace;
      /** The scheme of the URL that the client used. `undefined` if the proxy does not know it. */
      readonly scheme: () => Scheme | undefined;
    },
  ) => Promise<OutgoingReply> | undefined;
  /** The state of the database. */
  readonly storage: () => StorageHealth;
  /** Where the admin page is, for a client with this address at a port of this kind. */
  readonly adminPlace: (entry: Entry, address: string) => AdminPlace;
}

/** What the own routes need. */
export interface OwnRoutes {
  /** Which addresses may use the proxy. */
  readonly clientAccess: ClientAccess;
  /** The routes of the management plane. `undefined` if it is off. */
  readonly management: ManagementRoutes | undefined;
  readonly clock: Clock;
  /** The time of the start, in milliseconds of `clock.now()`. */
  readonly startedAt: number;
  /** Whether the proxy shuts down, or will soon. */
  readonly isLeaving: () => boolean;
}

/**
 * Returns the response to a request for one of the proxy's own routes, and `undefined` for other requests.
 */
export function ownReply(
  request: IncomingRequest,
  { path, query }: RequestTarget,
  { clientAccess, management, clock, startedAt, isLeaving }: OwnRoutes,
): OutgoingReply | Promise<OutgoingReply> | undefined {
  const { method, fields } = request;
  const page = frontPageReply({ method, fields, path, query }, () => {
    const address = clientAccess.addressOf(request);
    if (!clientAccess.isAllowed(address)) return undefined;
    return management?.adminPlace(request.entry, address) ?? { kind: "off" };
  });
  if (page !== undefined) return page;
  const health = healthReply(method, path, () => ({
    draining: isLeaving(),
    uptimeMs: clock.now() - startedAt,
    storage: management?.storage(),
  }));
  if (health !== undefined) return health;
  const probe = clientProbeReply({ method, fields, path, query });
  if (probe !== undefined && clientAccess.isAllowed(clientAccess.addressOf(request))) return probe;
  return management?.answer(request, {
    path,
    address: clientAccess.addressOf(request),
    guessPlace: () => clientAccess.guessPlaceOf(request),
    scheme: () => clientAccess.schemeOf(request),
  });
}
