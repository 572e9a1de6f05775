/** The routes of the management plane: `/manage`, `/admin` and `/metrics`. */

import { type Admin, ADMIN_API_PATH, ADMIN_PATH, createAdmin } from "./admin/admin.ts";
import { Assets, PAGE_FOLDER } from "./admin/assets.ts";
import { clientRequest, pageReply, TRY_PATH } from "./admin/try_endpoint.ts";
import { faultReply, ProxyFault } from "../faults.ts";
import { fieldValue } from "../http/fields.ts";
import type { Entry, IncomingRequest, OutgoingReply } from "../http/message.ts";
import type { ManagementRoutes } from "../own_routes/own_reply.ts";
import { passkeyPlaces } from "../people/passkeys/passkey_places.ts";
import { PasskeySignIn } from "./admin/passkey_sign_in.ts";
import { PassphraseCheck } from "./admin/passphrase_check.ts";
import type { ProviderSignIn } from "./admin/provider_sign_in.ts";
import { Sessions } from "./admin/sessions.ts";
import { BearerGate } from "./api/bearer_gate.ts";
import { DeviceGrant } from "./api/device_grant.ts";
import { GuessGate, type Refusal } from "./api/guess_gate.ts";
import type { Caller } from "./api/caller.ts";
import { createManageApi, gatedApi, MANAGE_PATH } from "./api/manage.ts";
import { createControlApi } from "./control/control_api.ts";
import { CONTROL_SCHEME } from "./control/signatures.ts";
import { answerMetrics, METRICS_PATH } from "./api/metrics_route.ts";
import type { ManageParts } from "./api/parts.ts";
import { Problem, problemResponse } from "./api/problem.ts";
import type { Directory } from "./directory.ts";
import { createScimApi } from "./scim/scim_api.ts";
import { SCIM_PATH } from "./scim/scim_path.ts";
import { toReply, toWebRequest } from "./api/web_adapter.ts";
import { fewAtOnce } from "../time/few_at_once.ts";
import type { Metrics } from "../observability/metrics.ts";
import type { Served } from "./served.ts";
import type { ManagementSettings } from "./settings.ts";

/** The most requests that run at the same time. Each one holds several copies of its response in memory. */
const MAX_CONCURRENT = 32;
/** The name under which clients with the management token share the memory budget. */
const MANAGEMENT_HOLDER = "the management plane";

/** The dependencies and callbacks of {@link managementRoutes}. */
export interface ManagementRoutesParts {
  readonly parts: Omit<
    ManageParts,
    "guesses" | "hasBootstrap" | "passphrases" | "sessionIdleMs" | "sessionEnded"
  >;
  readonly metrics: Metrics;
  /** The token of the configuration; `undefined` if it has none. */
  readonly managementToken: string | undefined;
  /** The providers with which people sign in; `undefined` without one. */
  readonly providers: ProviderSignIn | undefined;
  /** The directory that writes people with SCIM; `undefined` without one. */
  readonly directory: Directory | undefined;
  /** The origin by which browsers reach the admin page; `undefined` if it is not configured. */
  readonly publicUrl: string | undefined;
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
  /** Called after a sign-in at the admin page, with the name in the audit log. */
  readonly onSignedIn: (address: string, actor: string) => Promise<void>;
  /** Called after a sign-out of the admin page, with the name in the audit log. */
  readonly onSignedOut: (address: string, actor: string) => Promise<void>;
}

/** Answers a request whose actor is found out on the way. */
type Answer = (request: Request, caller: Caller) => Promise<Response>;
/** Answers a request from an allowed address. */
type Route = (request: IncomingRequest, caller: Caller) => Promise<OutgoingReply>;

/**
 * Makes the function that answers requests for the management plane. It gives `undefined` for other paths.
 */
export function managementRoutes(parts: ManagementRoutesParts): ManagementRoutes["answer"] {
  const router = new ManagementRouter(parts);
  return (request, client) => router.answer(request, client);
}

/** Finds the route of a request to the management plane, and answers it. */
class ManagementRouter {
  readonly #parts: ManagementRoutesParts;
  readonly #limited = fewAtOnce(MAX_CONCURRENT);
  readonly #gate: BearerGate;
  readonly #api: Answer;
  readonly #controlApi: Answer;
  /** `undefined` without a directory. */
  readonly #scim: Answer | undefined;
  readonly #admin: Admin;

  constructor(parts: ManagementRoutesParts) {
    const { clock, store } = parts.parts;
    const { onUnexpected, managementToken: bootstrapToken } = parts;
    this.#parts = parts;
    const idleMs = () => parts.settings.now.adminIdleMs;
    const guesses = new GuessGate({ clock, onRefused: parts.onRefused });
    const sessions = new Sessions({ store, clock, idleMs, bootstrapToken });
    this.#gate = new BearerGate(bootstrapToken, { clock, guesses, store });
    const passphrases = new PassphraseCheck({ guesses, store });
    const ofApi: ManageParts = {
      ...parts.parts,
      guesses,
      hasBootstrap: bootstrapToken !== undefined,
      passphrases,
      sessionIdleMs: idleMs,
      sessionEnded: (id) => sessions.ended(id),
    };
    const api = createManageApi(ofApi, { onUnexpected });
    const devices = new DeviceGrant({ clock, guesses, store, publicUrl: parts.publicUrl });
    this.#api = gatedApi(api, { gate: this.#gate, devices, onUnexpected });
    this.#controlApi = createControlApi(api, { secret: parts.controlSecret, clock });
    this.#scim = parts.directory &&
      createScimApi(
        { store, clock, gate: this.#gate, onChanged: ofApi.changed, onUnexpected },
        parts.directory,
      );
    this.#admin = createAdmin({
      api: createManageApi(ofApi, { onUnexpected, path: ADMIN_API_PATH }),
      gate: this.#gate,
      sessions,
      passphrases,
      guesses,
      people: store,
      providers: parts.providers,
      passkeys: new PasskeySignIn({
        store,
        box: parts.parts.box,
        clock,
        guesses,
        places: () => passkeyPlaces(parts.served.adminUrls(parts.publicUrl)),
      }),
      now: () => clock.epochMs(),
      assets: new Assets(PAGE_FOLDER),
      idleMs,
      isSecure: () => parts.served.isAdminSecure,
      onUnexpected,
      onSignedIn: parts.onSignedIn,
      onSignedOut: parts.onSignedOut,
    });
  }

  /** Answers a request; `undefined` if its path is not one of the management plane. */
  answer(
    request: IncomingRequest,
    { path, address, guessPlace, scheme }: Parameters<ManagementRoutes["answer"]>[1],
  ): Promise<OutgoingReply> | undefined {
    const route = this.#routeAt(request.entry, path);
    if (route === undefined) return undefined;
    return this.#replied(request, async () => {
      if (!this.#parts.isAllowed(address)) {
        throw new Problem(403, `Your address ${address} may not use this.`);
      }
      return await route(request, {
        source: address,
        guessPlace: guessPlace(),
        scheme: scheme(),
        onVerified: () => request.onAuthenticated?.(MANAGEMENT_HOLDER),
      });
    });
  }

  /**
   * The route of a path on a port. With a separate admin port, each port has an error for the paths of the
   * other one.
   */
  #routeAt(entry: Entry, path: string): Route | undefined {
    const route = this.#routeOf(path);
    switch (entry) {
      case "all":
        return route;
      case "clients":
        return route === undefined || path === METRICS_PATH && this.#parts.settings.now.metricsPublic
          ? route
          : () => this.#notForClients();
      case "admin":
        return route ?? (() => Promise.resolve(this.#noEndpoint(path)));
      default:
        return entry satisfies never;
    }
  }

  #routeOf(path: string): Route | undefined {
    if (path === METRICS_PATH) return (request, caller) => this.#metrics(request, caller);
    const scim = this.#scim;
    if (scim !== undefined && isBelow(SCIM_PATH, path)) {
      return (request, caller) => this.#answeredBy(scim, request, caller);
    }
    if (isBelow(MANAGE_PATH, path)) return (request, caller) => this.#manage(request, caller);
    if (isBelow(TRY_PATH, path)) {
      return (request, caller) => this.#tryEndpoint(request, caller, path.slice(TRY_PATH.length));
    }
    if (isBelow(ADMIN_PATH, path)) {
      return (request, caller) => this.#answeredBy(this.#admin.answer, request, caller);
    }
    return undefined;
  }

  #metrics(request: IncomingRequest, caller: Caller): Promise<OutgoingReply> {
    const { metrics, settings, parts: { proxy } } = this.#parts;
    const gate = settings.now.metricsPublic ? undefined : this.#gate;
    return answerMetrics(metrics, { request, caller, gate, refreshed: proxy?.refreshed });
  }

  #manage(request: IncomingRequest, caller: Caller): Promise<OutgoingReply> {
    return this.#answeredBy(isSigned(request) ? this.#controlApi : this.#api, request, caller);
  }

  /** The admin page sends a request to an endpoint, with a token that the user entered. */
  async #tryEndpoint(request: IncomingRequest, caller: Caller, path: string): Promise<OutgoingReply> {
    const { parts, served } = this.#parts;
    await this.#admin.checkSession(toWebRequest({ ...request, body: null }, parts.clock), caller);
    const forwarded = served.dialectAt(path) === undefined ? undefined : clientRequest(request);
    const reply = forwarded && await served.handler?.(forwarded);
    if (reply === undefined) throw new Problem(404, `Not found. The admin page is at ${ADMIN_PATH}.`);
    return pageReply(reply);
  }

  #notForClients(): Promise<never> {
    const { adminPort } = this.#parts.served.ports ?? {};
    throw new Problem(
      404,
      `This port serves only the endpoints. ${ADMIN_PATH}, ${MANAGE_PATH} and ${METRICS_PATH} are on port ` +
        `${adminPort} (ADMIN_PORT).`,
    );
  }

  /** An error in the dialect of the endpoint, because a client used the wrong port. */
  #noEndpoint(path: string): OutgoingReply {
    const { served } = this.#parts;
    const message = `This port serves only ${ADMIN_PATH}, ${MANAGE_PATH} and ${METRICS_PATH} (ADMIN_PORT). ` +
      `The endpoints are on port ${served.ports?.port} (PORT).`;
    return faultReply(new ProxyFault("not_found", message), {
      dialect: served.dialectAt(path) ?? "openai",
      requestId: "none",
    });
  }

  /** Runs work, and turns any error into a response. */
  async #replied(
    { cancellation, acquireResponseSlot }: IncomingRequest,
    work: () => Promise<OutgoingReply>,
  ): Promise<OutgoingReply> {
    try {
      await acquireResponseSlot?.();
      return await work();
    } catch (error) {
      if (error instanceof Problem) return await toReply(problemResponse(error), cancellation);
      if (cancellation.reason === undefined) this.#parts.onUnexpected(error);
      const problem = new Problem(500, "The proxy failed on this request.");
      return await toReply(problemResponse(problem), cancellation);
    }
  }

  async #answeredBy(answer: Answer, request: IncomingRequest, caller: Caller): Promise<OutgoingReply> {
    const reply = async (): Promise<OutgoingReply> => {
      const response = await answer(toWebRequest(request, this.#parts.parts.clock), caller);
      if (request.method !== "HEAD") return await toReply(response, request.cancellation);
      await response.body?.cancel();
      return await toReply(new Response(null, response), request.cancellation);
    };
    // A request with a body is not limited: a slow client would make other requests wait.
    return await (request.body === null ? this.#limited(reply) : reply());
  }
}

/** Whether a command on this machine sent the request. Its signature is still to be checked. */
function isSigned({ fields }: IncomingRequest): boolean {
  return fieldValue(fields, "authorization")?.startsWith(`${CONTROL_SCHEME} `) === true;
}

function isBelow(base: string, path: string): boolean {
  return path === base || path.startsWith(`${base}/`);
}
