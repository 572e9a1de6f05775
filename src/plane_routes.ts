/** What the management plane answers: `/manage`, `/admin` and `/metrics`. */

import { ADMIN_API_PATH, ADMIN_PATH, createAdmin } from "./admin/admin.ts";
import { Assets, PAGE_FOLDER } from "./admin/assets.ts";
import type { IncomingRequest, OutgoingReply } from "./http1/message.ts";
import type { Management } from "./handler.ts";
import { BearerGate, type Refusal } from "./manage/bearer_gate.ts";
import { createManageApi, MANAGE_PATH } from "./manage/manage.ts";
import { answerMetrics, METRICS_PATH } from "./manage/metrics_route.ts";
import type { ManageParts } from "./manage/parts.ts";
import { Problem, problemResponse } from "./manage/problem.ts";
import { toReply, toWebRequest } from "./manage/web_adapter.ts";
import type { Metrics } from "./observability/metrics.ts";

/** What the routes work with. What may change while the program runs is asked each time. */
export interface PlaneRoutesParts {
  readonly parts: ManageParts;
  readonly metrics: Metrics;
  readonly managementToken: string;
  readonly metricsPublic: () => boolean;
  readonly adminIdleMs: () => number;
  /** Whether an address may ask at all. */
  readonly isAllowed: (address: string) => boolean;
  /** Clients come over HTTPS. */
  readonly isSecure: () => boolean;
  readonly onUnexpected: (error: unknown) => void;
  /** An attempt to come in was refused. */
  readonly onRefused: (refusal: Refusal) => void;
  /** Somebody signed in at the admin page. */
  readonly onSignedIn: (address: string) => Promise<void>;
  /** Somebody signed out there. */
  readonly onSignedOut: (address: string) => Promise<void>;
}

/** Gives what answers a request for a path; undefined for those that are not the plane's. */
export function planeRoutes(
  {
    parts,
    metrics,
    managementToken,
    metricsPublic,
    adminIdleMs,
    isAllowed,
    isSecure,
    onUnexpected,
    onRefused,
    onSignedIn,
    onSignedOut,
  }: PlaneRoutesParts,
): Management["answer"] {
  const { clock } = parts;
  const gate = new BearerGate(managementToken, { clock, onRefused });
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
    idleMs: adminIdleMs,
    isSecure,
    onUnexpected,
    onSignedIn,
    onSignedOut,
  });

  return (request, { path, address }) => {
    const work = workFor(path);
    if (work === undefined) return undefined;
    return replied(request, async () => {
      if (!isAllowed(address)) throw new Problem(403, `Your address ${address} may not use this.`);
      return await work(request, address);
    });
  };

  function workFor(
    path: string,
  ): ((request: IncomingRequest, address: string) => Promise<OutgoingReply>) | undefined {
    if (path === METRICS_PATH) {
      return (request, address) =>
        answerMetrics(metrics, { request, address, gate: metricsPublic() ? undefined : gate });
    }
    if (isBelow(MANAGE_PATH, path)) return (request, address) => answeredBy(api, request, address);
    if (isBelow(ADMIN_PATH, path)) return (request, address) => answeredBy(admin, request, address);
    return undefined;
  }

  /** Problems as the answers they are; nothing that goes wrong here leaves a client without one. */
  async function replied(
    { cancellation }: IncomingRequest,
    work: () => Promise<OutgoingReply>,
  ): Promise<OutgoingReply> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof Problem) return await toReply(problemResponse(error), cancellation);
      if (cancellation.reason === undefined) onUnexpected(error);
      const problem = new Problem(500, "The proxy failed on this request.");
      return await toReply(problemResponse(problem), cancellation);
    }
  }

  async function answeredBy(
    answer: (request: Request, source: string) => Promise<Response>,
    request: IncomingRequest,
    address: string,
  ): Promise<OutgoingReply> {
    const response = await answer(toWebRequest(request, clock), address);
    if (request.method !== "HEAD") return await toReply(response, request.cancellation);
    await response.body?.cancel();
    return await toReply(new Response(null, response), request.cancellation);
  }
}

function isBelow(base: string, path: string): boolean {
  return path === base || path.startsWith(`${base}/`);
}
