import { KEY_PARAMETER } from "../config/credential_places.ts";
import { overridingModel } from "../config/model_override.ts";
import type { Backend, Endpoint } from "../config/config.ts";
import { projectProviderKey } from "../config/project_provider_key.ts";
import { ProxyFault } from "../faults.ts";
import type { Field } from "../http/fields.ts";
import { joinPath, withoutParameter, withParameter } from "../http/join_url.ts";
import { modelInPath } from "../payload/model_in_path.ts";
import type { Principal } from "../principal.ts";
import type { UrlPlace } from "./body_urls.ts";
import { upstreamFields } from "./request_headers.ts";
import { UPGRADE_FIELDS } from "./websocket/handshake.ts";

/** The credentials of the client's request. Only backends with `passthrough` get them. */
export interface StrippedCredentials {
  /** The places of credentials to strip: names of header fields, `query` and `subprotocol`. */
  readonly placesToStrip: (isPassthrough: boolean) => ReadonlySet<string>;
  /** Throws where a head still contains a token of the proxy. */
  readonly checkStripped: (
    head: { readonly method: string; readonly target: string; readonly fields: readonly Field[] },
  ) => void;
}

/** The part of an exchange that its requests to backends depend on. */
export interface RequestedExchange {
  readonly request: { readonly method: string };
  readonly endpoint: Endpoint;
  readonly principal: Pick<Principal, "keys">;
  /** The path after the name of the endpoint, byte for byte. */
  readonly apiPath: string;
  /** The raw query without its `?`. */
  readonly query: string;
}

/** What the requests of one exchange to all backends have in common. */
export interface BackendRequestsParts {
  readonly credentials: StrippedCredentials;
  readonly fields: readonly Field[];
  /** Whether the request asks for a WebSocket. */
  readonly isWebSocket: boolean;
  /** Whether a web page of `CORS_ORIGINS` sent the request. */
  readonly isFromPage: boolean;
  /** Where the response has URLs that the proxy replaces. `undefined` if it has none. */
  readonly urlsIn: UrlPlace | undefined;
  /** Whether the usage of the exchange is counted. The proxy cannot read compressed WebSocket messages. */
  readonly isCounted: boolean;
}

/** Makes the heads of the requests of one exchange: path, query, fields and key. */
export class BackendRequests {
  readonly #exchange: RequestedExchange;
  readonly #parts: BackendRequestsParts;

  constructor(exchange: RequestedExchange, parts: BackendRequestsParts) {
    this.#exchange = exchange;
    this.#parts = parts;
  }

  /** The head for a backend. Throws `bad_request` where it would contain a token of the proxy. */
  headFor(chosen: Backend): { readonly target: string; readonly fields: readonly Field[] } {
    const { request: { method }, apiPath, query, endpoint } = this.#exchange;
    const { credentials, isWebSocket, isCounted, isFromPage, urlsIn } = this.#parts;
    const backend = this.withKey(chosen);
    const stripped = credentials.placesToStrip(backend.key.mode === "passthrough");
    const path = joinPath(backend.baseUrl, withModelInPath(backend, apiPath));
    const ownQuery = stripped.has("query") ? withoutParameter(query, KEY_PARAMETER) : query;
    const backendQuery = isWebSocket ? withModelOf(backend, ownQuery) : ownQuery;
    const fields = upstreamFields(this.#parts.fields, {
      credentialsToStrip: stripped,
      backend,
      anthropicVersion: endpoint.anthropicVersion,
      isFromPage,
      isResponseRead: urlsIn === "body",
      dropped: isWebSocket && isCounted ? "sec-websocket-extensions" : undefined,
    });
    const head = {
      target: backendQuery === "" ? path : `${path}?${backendQuery}`,
      fields: isWebSocket ? [...UPGRADE_FIELDS, ...fields] : fields,
    };
    credentials.checkStripped({ method, ...head });
    return head;
  }

  /**
   * Whether this backend gets the project's own key. A 429 for that key says nothing about other projects.
   */
  usesProjectKey(backend: Backend): boolean {
    return this.withKey(backend) !== backend;
  }

  /** The backend, with the key of the client's project where the project has one. */
  withKey(backend: Backend): Backend {
    const { endpoint, principal } = this.#exchange;
    const value = projectProviderKey(backend, { endpoint, keys: principal.keys });
    if (value === null) {
      throw new ProxyFault(
        "internal",
        `The key of this project for ${endpoint.name} cannot be read. The log of the proxy has the reason.`,
      );
    }
    return value === undefined ? backend : { ...backend, key: { mode: "inject", value } };
  }
}

/**
 * Applies the model override of a backend to the path, as Google's, Azure's and Bedrock's APIs name the model
 * there.
 */
function withModelInPath({ model }: Backend, path: string): string {
  if (model === undefined) return path;
  const named = modelInPath(path);
  const override = named?.isOnly === true ? overridingModel(model, named.name) : undefined;
  return override === undefined || named === undefined ? path : named.withModel(override);
}

/** Applies the model override of a backend to the query of a WebSocket, which names its model. */
function withModelOf({ model }: Backend, query: string): string {
  const named = new URLSearchParams(query).get("model");
  const override = named === null ? undefined : overridingModel(model, named);
  return override === undefined ? query : withParameter(query, "model", override);
}
