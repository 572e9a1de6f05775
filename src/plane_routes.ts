/** What the management plane answers: `/manage`, `/admin` and `/metrics`. */

import { ADMIN_API_PATH, ADMIN_PATH, createAdmin } from "./admin/admin.ts";
import { Assets, PAGE_FOLDER } from "./admin/assets.ts";
import type { IncomingRequest, OutgoingReply } from "./http1/message.ts";
import { BearerGate } from "./manage/bearer_gate.ts";
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
  /** Clients come over HTTPS. */
  readonly isSecure: () => boolean;
  readonly onUnexpected: (error: unknown) => void;
}

/** Gives what answers a request for a path; undefined for those that are not the plane's. */
export function planeRoutes(
  { parts, metrics, managementToken, metricsPublic, adminIdleMs, isSecure, onUnexpected }: PlaneRoutesParts,
): (request: IncomingRequest, path: string) => Promise<OutgoingReply> | undefined {
  const { clock } = parts;
  const gate = new BearerGate(managementToken, clock);
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
  });

  return (request, path) => {
    if (path === METRICS_PATH) {
      return replied(request, () => answerMetrics(metrics, request, metricsPublic() ? undefined : gate));
    }
    if (isBelow(MANAGE_PATH, path)) return replied(request, () => answeredBy(api, request));
    if (isBelow(ADMIN_PATH, path)) return replied(request, () => answeredBy(admin, request));
    return undefined;
  };

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
  ): Promise<OutgoingReply> {
    const response = await answer(toWebRequest(request, clock), request.peer);
    if (request.method !== "HEAD") return await toReply(response, request.cancellation);
    await response.body?.cancel();
    return await toReply(new Response(null, response), request.cancellation);
  }
}

function isBelow(base: string, path: string): boolean {
  return path === base || path.startsWith(`${base}/`);
}
