/** What the proxy answers itself, before it looks for an endpoint: the front page, its health, and the management plane. */

import type { Entrance } from "../auth/client_access.ts";
import type { GuessPlace } from "../auth/guess_place.ts";
import type { Entry, IncomingRequest, OutgoingReply } from "../http/message.ts";
import type { RequestTarget } from "../http/request_target.ts";
import type { Clock } from "../time/clock.ts";
import { answerFrontPage } from "./front_page.ts";
import { answerHealth, type StorageHealth } from "./health.ts";
import type { AdminPlace } from "./page_html.ts";

/** The management plane, as far as it answers requests. */
export interface ManagementRoutes {
  /** Answers `/manage`, `/admin` and `/metrics`. Undefined for every other path. */
  readonly answer: (
    request: IncomingRequest,
    asked: {
      readonly path: string;
      readonly address: string;
      /** What a wrong token in the request is counted by. */
      readonly guessPlace: () => GuessPlace;
    },
  ) => Promise<OutgoingReply> | undefined;
  /** Whether the database can be read and written. */
  readonly storage: () => StorageHealth;
  /** Where the admin page is, for a client at this address and port. */
  readonly adminPlace: (entry: Entry, address: string) => AdminPlace;
}

/** What the own routes depend on. */
export interface OwnRoutes {
  /** Which addresses may connect. */
  readonly entrance: Entrance;
  /** Undefined: the management plane is off. */
  readonly management: ManagementRoutes | undefined;
  readonly clock: Clock;
  /** When the program started, by the clock. */
  readonly startedAt: number;
  readonly isDraining: () => boolean;
}

/** Answers a request for one of the proxy's own routes. Undefined for every other request. */
export function ownReply(
  request: IncomingRequest,
  { path, query }: RequestTarget,
  { entrance, management, clock, startedAt, isDraining }: OwnRoutes,
): OutgoingReply | Promise<OutgoingReply> | undefined {
  const { method, fields } = request;
  const page = answerFrontPage({ method, fields, path, query }, () => {
    const address = entrance.addressOf(request);
    if (!entrance.isAllowed(address)) return undefined;
    return management?.adminPlace(request.entry, address) ?? { kind: "off" };
  });
  if (page !== undefined) return page;
  const health = answerHealth(method, path, () => ({
    draining: isDraining(),
    uptimeMs: clock.now() - startedAt,
    storage: management?.storage(),
  }));
  if (health !== undefined) return health;
  return management?.answer(request, {
    path,
    address: entrance.addressOf(request),
    guessPlace: () => entrance.guessPlaceOf(request),
  });
}
