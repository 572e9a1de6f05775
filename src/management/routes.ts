/** The routes of the management plane: `/manage`, `/admin` and `/metrics`. */

import { ADMIN_API_PATH, ADMIN_PATH, createAdmin } from "./admin/admin.ts";
import { Assets, PAGE_FOLDER } from "./admin/assets.ts";
import { clientRequest, pageReply, TRY_PATH } from "./admin/try_endpoint.ts";
import { faultReply, ProxyFault } from "../faults.ts";
import { fewAtOnce } from "./api/few_at_once.ts";
import { fieldValue } from "../http/fields.ts";
import type { Entry, IncomingRequest, OutgoingReply } from "../http/message.ts";
import type { ManagementRoutes } from "../own_routes/own_reply.ts";
import { BearerGate, type Refusal } from "./api/bearer_gate.ts";
import type { Caller } from "./api/caller.ts";
import { createManageApi, MANAGE_PATH } from "./api/manage.ts";
import { createControlApi } from "./control/control_api.ts";
import { CONTROL_SCHEME } from "./control/signatures.ts";
import { answerMetrics, METRICS_PATH } from "./api/metrics_route.ts";
import type { ManageParts } from "./api/parts.ts";
import { Problem, problemResponse } from "./api/problem.ts";
import { toReply, toWebRequest } from "./api/web_adapter.ts";
import type { Metrics } from "../observability/metrics.ts";
import type { Served } from "./served.ts";
import type { ManagementSettings } from "./settings.ts";

/** The most requests that run at the same time. Each one holds several copies of its response in memory. */
const MAX_CONCURRENT = 32;
/** The name under which clients with the management token share the memory budget. */
const MANAGEMENT_HOLDER = "the management plane";

/** The dependencies and callbacks of {@link managementRoutes}. */
export interface ManagementRoutesParts {
  readonly parts: ManageParts;
  readonly metrics: Metrics;
  readonly managementToken: string;
  /** The secret with which commands on this machine sign their requests. */
  readonly controlSecret: string;
  readonly settings: ManagementSettings;
  readonly served: Served;
  /** Whether an address may use the management plane. */
  readonly isAllowed: (address: string) => boolean;
  /** Gets an unexpected error. */
  readonly onUnexpected: (error: unknown) => void;
  /** Called for a wrong token, and for an address that did not wait after one. */
  readonly onRefused: (refusal: Refusal) => void;
  /** Called after a sign-in at the admin page. */
  readonly onSignedIn: (address: string) => Promise<void>;
  /** Called after a sign-out of the admin page. */
  readonly onSignedOut: (address: string) => Promise<void>;
}

/** Answers a request from an allowed address. */
type Route = (request: IncomingRequest, caller: Caller) => Promise<OutgoingReply>;

/** Makes the function that answers requests for the management plane. It gives undefined for other paths. */
export function managementRoutes(routes: ManagementRoutesParts): ManagementRoutes["answer"] {
  const { parts, metrics, settings, served, isAllowed, onUnexpected } = routes;
  const { clock } = parts;
  const limited = fewAtOnce(MAX_CONCURRENT);
  const gate = new BearerGate(routes.managementToken, { clock, onRefused: routes.onRefused });
  const api = createManageApi(parts, { gate, onUnexpected });
  const controlApi = createControlApi(
    createManageApi({ ...parts, actor: "command line" }, { gate: undefined, onUnexpected }),
    { secret: routes.controlSecret, clock },
  );
  const admin = createAdmin({
    api: createManageApi({ ...parts, actor: "admin page" }, {
      gate: undefined,
      onUnexpected,
      path: ADMIN_API_PATH,
    }),
    gate,
    clock,
    assets: new Assets(PAGE_FOLDER),
    idleMs: () => settings.now.adminIdleMs,
    isSecure: () => served.isAdminSecure,
    onUnexpected,
    onSignedIn: routes.onSignedIn,
    onSignedOut: routes.onSignedOut,
  });

  return (request, { path, address, guessPlace, scheme }) => {
    const route = routeOn(request.entry, path);
    if (route === undefined) return undefined;
    return replied(request, async () => {
      if (!isAllowed(address)) throw new Problem(403, `Your address ${address} may not use this.`);
      return await route(request, {
        source: address,
        guessPlace: guessPlace(),
        scheme: scheme(),
        onVerified: () => request.onAuthenticated?.(MANAGEMENT_HOLDER),
      });
    });
  };

  /** The route of a path on a port. Each of two ports has a response for the paths of the other one. */
  function routeOn(entry: Entry, path: string): Route | undefined {
    const route = routeOf(path);
    switch (entry) {
      case "all":
        return route;
      case "clients":
        return route === undefined || path === METRICS_PATH && settings.now.metricsPublic
          ? route
          : notForClients;
      case "admin":
        return route ?? (() => Promise.resolve(noEndpoint(path)));
      default:
        return entry satisfies never;
    }
  }

  /** The admin page sends a request to an endpoint, with a token that the user entered. */
  async function tryEndpoint(request: IncomingRequest, caller: Caller, path: string): Promise<OutgoingReply> {
    admin.checkSession(toWebRequest({ ...request, body: null }, clock), caller);
    const forwarded = served.dialectAt(path) === undefined ? undefined : clientRequest(request);
    const reply = forwarded && await served.handler?.(forwarded);
    if (reply === undefined) throw new Problem(404, `Not found. The admin page is at ${ADMIN_PATH}.`);
    return pageReply(reply);
  }

  function notForClients(): Promise<never> {
    const { adminPort } = served.ports ?? {};
    throw new Problem(
      404,
      `This port serves only the endpoints. ${ADMIN_PATH}, ${MANAGE_PATH} and ${METRICS_PATH} are on port ` +
        `${adminPort} (ADMIN_PORT).`,
    );
  }

  /** An error in the dialect of the endpoint, because a client used the wrong port. */
  function noEndpoint(path: string): OutgoingReply {
    const message = `This port serves only ${ADMIN_PATH}, ${MANAGE_PATH} and ${METRICS_PATH} (ADMIN_PORT). ` +
      `The endpoints are on port ${served.ports?.port} (PORT).`;
    return faultReply(new ProxyFault("not_found", message), {
      dialect: served.dialectAt(path) ?? "openai",
      requestId: "none",
    });
  }

  function routeOf(path: string): Route | undefined {
    if (path === METRICS_PATH) {
      return (request, caller) =>
        answerMetrics(metrics, { request, caller, gate: settings.now.metricsPublic ? undefined : gate });
    }
    if (isBelow(MANAGE_PATH, path)) {
      return (request, caller) => answeredBy(isSigned(request) ? controlApi : api, request, caller);
    }
    if (isBelow(TRY_PATH, path)) {
      return (request, caller) => tryEndpoint(request, caller, path.slice(TRY_PATH.length));
    }
    if (isBelow(ADMIN_PATH, path)) return (request, caller) => answeredBy(admin.answer, request, caller);
    return undefined;
  }

  /** Runs work, and turns any error into a response. */
  async function replied(
    { cancellation, acquireResponseSlot }: IncomingRequest,
    work: () => Promise<OutgoingReply>,
  ): Promise<OutgoingReply> {
    try {
      await acquireResponseSlot?.();
      return await work();
    } catch (error) {
      if (error instanceof Problem) return await toReply(problemResponse(error), cancellation);
      if (cancellation.reason === undefined) onUnexpected(error);
      const problem = new Problem(500, "The proxy failed on this request.");
      return await toReply(problemResponse(problem), cancellation);
    }
  }

  async function answeredBy(
    answer: (request: Request, caller: Caller) => Promise<Response>,
    request: IncomingRequest,
    caller: Caller,
  ): Promise<OutgoingReply> {
    const reply = async (): Promise<OutgoingReply> => {
      const response = await answer(toWebRequest(request, clock), caller);
      if (request.method !== "HEAD") return await toReply(response, request.cancellation);
      await response.body?.cancel();
      return await toReply(new Response(null, response), request.cancellation);
    };
    // A request with a body is not limited: a slow client would make other requests wait.
    return await (request.body === null ? limited(reply) : reply());
  }
}

/** Whether a command on this machine sent the request. Its signature is still to be checked. */
function isSigned({ fields }: IncomingRequest): boolean {
  return fieldValue(fields, "authorization")?.startsWith(`${CONTROL_SCHEME} `) === true;
}

function isBelow(base: string, path: string): boolean {
  return path === base || path.startsWith(`${base}/`);
}
