/** SCIM 2.0 (RFC 7643, RFC 7644) for the directory of the configuration, at `/manage/scim/v2`. */

import type { Store } from "../../storage/store.ts";
import type { ManagementToken } from "../../storage/people_store.ts";
import type { Clock } from "../../time/clock.ts";
import { harmlessText } from "../../text/harmless_text.ts";
import type { BearerGate } from "../api/bearer_gate.ts";
import type { Caller } from "../api/caller.ts";
import type { Directory } from "../directory.ts";
import { Groups } from "./groups.ts";
import { RequestRate } from "./request_rate.ts";
import { errorResponse, ScimError } from "./scim_error.ts";
import { SCIM_PATH } from "./scim_path.ts";
import { document, listResponse, ScimRequest } from "./scim_request.ts";
import { resourceTypes, schemas, type ServiceDocument, serviceProviderConfig } from "./service_documents.ts";
import { Users } from "./users.ts";

/** The last part of the path of a search whose parameters are in the body. */
const SEARCH = ".search";
/** The longest text of an address or an actor in the audit log, in characters. */
const MAX_AUDITED = 64;

/** The part of a store that the API uses. */
export type ScimStore = Pick<
  Store,
  | "findDirectoryUser"
  | "listDirectoryUsers"
  | "saveDirectoryUser"
  | "removeDirectoryUser"
  | "findDirectoryGroup"
  | "listDirectoryGroups"
  | "listDirectoryMembers"
  | "saveDirectoryGroup"
  | "removeDirectoryGroup"
  | "findSignIn"
>;

/** What {@link createScimApi} needs of the program around it. */
export interface ScimParts {
  readonly store: ScimStore;
  readonly clock: Clock;
  readonly gate: Pick<BearerGate, "checkDirectory">;
  /** Called after a change of what people may do, so that the proxy reads the tokens again. */
  readonly onChanged: () => Promise<void>;
  /** Gets an unexpected error. */
  readonly onUnexpected: (error: unknown) => void;
}

/** Answers the requests of a directory. */
type ScimApi = (request: Request, caller: Caller) => Promise<Response>;

/** Makes the API of a directory. */
export function createScimApi(parts: ScimParts, directory: Directory): ScimApi {
  const base = directory.publicUrl + SCIM_PATH;
  const rate = new RequestRate(parts.clock);
  const resources = {
    Users: new Users(parts, { directory, base }),
    Groups: new Groups(parts, { directory, base }),
  };
  return async (request, caller) => {
    try {
      const authorization = request.headers.get("authorization") ?? undefined;
      const token = await parts.gate.checkDirectory(authorization, caller);
      rate.count(token.id);
      const whole = await arrived(request);
      // The token can be revoked before the last byte of the body arrives.
      if (whole !== request) await parts.gate.checkDirectory(authorization, caller);
      const [name = "", id, ...more] = segmentsOf(request);
      const scim = new ScimRequest(whole, {
        actor: writerName(token, directory),
        source: harmlessText(caller.source, MAX_AUDITED),
        at: parts.clock.epochMs(),
      });
      if (more.length > 0) throw nothingHere();
      if (name === "Users" || name === "Groups") return await answer(resources[name], id, scim);
      return discover(name, id, { scim, base });
    } catch (error) {
      return errorResponse(error, parts.onUnexpected);
    }
  };
}

/** The request with its whole body; the request itself if it has none. */
async function arrived(request: Request): Promise<Request> {
  if (request.body === null) return request;
  const { url, method, headers } = request;
  return new Request(url, { method, headers, body: await request.bytes() });
}

/** The name in the audit log: that of the token and of the directory. */
function writerName({ name }: ManagementToken, { provider: { title } }: Directory): string {
  return harmlessText(`${name} (SCIM, ${title})`, 2 * MAX_AUDITED);
}

/** The parts of the path after {@link SCIM_PATH}. */
function segmentsOf({ url }: Request): string[] {
  const parts = new URL(url).pathname.slice(SCIM_PATH.length).split("/").filter((part) => part !== "");
  return parts.map((part) => {
    try {
      return decodeURIComponent(part);
    } catch {
      throw nothingHere();
    }
  });
}

async function answer(of: Users | Groups, id: string | undefined, request: ScimRequest): Promise<Response> {
  const { method } = request;
  if (id === undefined) {
    if (method === "GET") return await of.list(request);
    if (method === "POST") return await of.add(request);
    throw notAllowed("GET, POST");
  }
  if (id === SEARCH) {
    if (method === "POST") return await of.list(await request.search());
    throw notAllowed("POST");
  }
  if (method === "GET") return await of.show(id, request);
  if (method === "PUT") return await of.replace(id, request);
  if (method === "PATCH") return await of.patch(id, request);
  if (method === "DELETE") return await of.remove(id, request);
  throw notAllowed("GET, PUT, PATCH, DELETE");
}

/** The documents about the service. */
function discover(
  name: string,
  id: string | undefined,
  { scim, base }: { readonly scim: ScimRequest; readonly base: string },
): Response {
  if (!["ServiceProviderConfig", "ResourceTypes", "Schemas"].includes(name)) throw nothingHere();
  if (scim.method !== "GET") throw notAllowed("GET");
  // RFC 7644 (4) forbids a filter here, because it could hide a part of the service.
  if (scim.query("filter") !== undefined) throw new ScimError(403, "A filter is not allowed here.");
  if (name === "ServiceProviderConfig") {
    if (id !== undefined) throw nothingHere();
    return document(serviceProviderConfig(base));
  }
  const documents: readonly ServiceDocument[] = name === "Schemas" ? schemas(base) : resourceTypes(base);
  if (id === undefined) {
    return listResponse(documents.map((one) => ({ ...one })), { total: documents.length, offset: 0 });
  }
  const found = documents.find((one) => one.id.toLowerCase() === id.toLowerCase());
  if (found === undefined) throw nothingHere();
  return document(found);
}

function notAllowed(allow: string): ScimError {
  return new ScimError(405, `The method is not allowed here: only ${allow} are.`, { headers: { allow } });
}

function nothingHere(): ScimError {
  return new ScimError(
    404,
    "SCIM has no such resource here: it has Users, Groups, Schemas, ResourceTypes and " +
      "ServiceProviderConfig.",
  );
}
