/** What the management plane answers: `/manage`, `/admin` and `/metrics`. */

import { ADMIN_API_PATH, ADMIN_PATH, createAdmin } from "./admin/admin.ts";
import { Assets, PAGE_FOLDER } from "./admin/assets.ts";
import { clientRequest, pageReply, TRY_PATH } from "./admin/try_endpoint.ts";
import { faultReply, ProxyFault } from "../faults.ts";
import { fewAtOnce } from "./api/few_at_once.ts";
import type { Entry, IncomingRequest, OutgoingReply } from "../http/message.ts";
import type { ManagementRoutes } from "../own_routes/own_reply.ts";
import { BearerGate, type Refusal } from "./api/bearer_gate.ts";
import type { Caller } from "./api/caller.ts";
import { createManageApi, MANAGE_PATH } from "./api/manage.ts";
import { answerMetrics, METRICS_PATH } from "./api/metrics_route.ts";
import type { ManageParts } from "./api/parts.ts";
import { Problem, problemResponse } from "./api/problem.ts";
import { toReply, toWebRequest } from "./api/web_adapter.ts";
import type { Metrics } from "../observability/metrics.ts";
import type { Served } from "./served.ts";
import type { ManagementSettings } from "./settings.ts";

/** So many requests are worked on at the same time: each holds its answer several times meanwhile. */
const MOST_AT_ONCE = 32;
/** Under which name clients with the management token share memory. */
const MANAGEMENT_HOLDER = "the management plane";

/** What the routes work with. */
export interface ManagementRoutesParts {
  readonly parts: ManageParts;
  readonly metrics: Metrics;
  readonly managementToken: string;
  readonly settings: ManagementSettings;
  readonly served: Served;
  /** Whether an address may use the management plane. */
  readonly isAllowed: (address: string) => boolean;
  /** An error that the program did not expect. */
  readonly onUnexpected: (error: unknown) => void;
  /** A wrong token was presented, or an address did not wait. */
  readonly onRefused: (refusal: Refusal) => void;
  /** A person signed in at the admin page. */
  readonly onSignedIn: (address: string) => Promise<void>;
  /** A person signed out of the admin page. */
  readonly onSignedOut: (address: string) => Promise<void>;
}

/** Answers a request, whose address may ask. */
type Work = (request: IncomingRequest, caller: Caller) => Promise<OutgoingReply>;

/** Makes what answers a request for a path of the management plane. It gives undefined for every other path. */
export function managementRoutes(routes: ManagementRoutesParts): ManagementRoutes["answer"] {
  const { parts, metrics, settings, served, isAllowed, onUnexpected } = routes;
  const { clock } = parts;
  const inTurn = fewAtOnce(MOST_AT_ONCE);
  const gate = new BearerGate(routes.managementToken, { clock, onRefused: routes.onRefused });
  const api = createManageApi(parts, { gate, onUnexpected });
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
    const work = workAt(request.entry, path);
    if (work === undefined) return undefined;
    return replied(request, async () => {
      if (!isAllowed(address)) throw new Problem(403, `Your address ${address} may not use this.`);
      return await work(request, {
        source: address,
        guessPlace: guessPlace(),
        scheme: scheme(),
        onVerified: () => request.onAuthenticated?.(MANAGEMENT_HOLDER),
      });
    });
  };

  /** Each of two ports answers for what the other one serves. */
  function workAt(entry: Entry, path: string): Work | undefined {
    const work = workFor(path);
    switch (entry) {
      case "all":
        return work;
      case "clients":
        return work === undefined || path === METRICS_PATH && settings.now.metricsPublic
          ? work
          : notForClients;
      case "admin":
        return work ?? (() => Promise.resolve(noEndpoint(path)));
      default:
        return entry satisfies never;
    }
  }

  /**
   * The page asks an endpoint, with a token that somebody put in: the one way from here to where clients are
   * served.
   */
  async function tried(request: IncomingRequest, caller: Caller, path: string): Promise<OutgoingReply> {
    admin.checkSession(toWebRequest({ ...request, body: null }, clock), caller);
    const asked = served.dialectAt(path) === undefined ? undefined : clientRequest(request);
    const reply = asked && await served.handler?.(asked);
    if (reply === undefined) throw new Problem(404, `Nothing is here; the page is at ${ADMIN_PATH}.`);
    return pageReply(reply);
  }

  function notForClients(): Promise<never> {
    const { adminPort } = served.ports ?? {};
    throw new Problem(
      404,
      `This port serves the endpoints alone. ${ADMIN_PATH}, ${MANAGE_PATH} and ${METRICS_PATH} are at port ${adminPort} (ADMIN_PORT).`,
    );
  }

  /** In the words of the endpoint's provider: it was a client that took the wrong port. */
  function noEndpoint(path: string): OutgoingReply {
    const message =
      `This port serves ${ADMIN_PATH}, ${MANAGE_PATH} and ${METRICS_PATH} alone (ADMIN_PORT). ` +
      `The endpoints are at port ${served.ports?.port} (PORT).`;
    return faultReply(new ProxyFault("not_found", message), {
      dialect: served.dialectAt(path) ?? "openai",
      requestId: "none",
    });
  }

  function workFor(path: string): Work | undefined {
    if (path === METRICS_PATH) {
      return (request, caller) =>
        answerMetrics(metrics, { request, caller, gate: settings.now.metricsPublic ? undefined : gate });
    }
    if (isBelow(MANAGE_PATH, path)) return (request, caller) => answeredBy(api, request, caller);
    if (isBelow(TRY_PATH, path)) {
      return (request, caller) => tried(request, caller, path.slice(TRY_PATH.length));
    }
    if (isBelow(ADMIN_PATH, path)) return (request, caller) => answeredBy(admin.answer, request, caller);
    return undefined;
  }

  /** Problems as the answers they are; nothing that goes wrong here leaves a client without one. */
  async function replied(
    { cancellation, roomForAnswer }: IncomingRequest,
    work: () => Promise<OutgoingReply>,
  ): Promise<OutgoingReply> {
    try {
      await roomForAnswer?.();
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
    const work = async (): Promise<OutgoingReply> => {
      const response = await answer(toWebRequest(request, clock), caller);
      if (request.method !== "HEAD") return await toReply(response, request.cancellation);
      await response.body?.cancel();
      return await toReply(new Response(null, response), request.cancellation);
    };
    // A request with a body waits for its client; other requests must not wait for that.
    return await (request.body === null ? inTurn(work) : work());
  }
}

function isBelow(base: string, path: string): boolean {
  return path === base || path.startsWith(`${base}/`);
}
