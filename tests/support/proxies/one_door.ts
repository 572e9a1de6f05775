/**
 * A proxy in front of several upstreams, each with its list of models, for requests without an endpoint's
 * name.
 */

import type { Dialect } from "../../../src/apis/dialects.ts";
import type { Backend, Endpoint, ModelRoute, RoutingConfig } from "../../../src/config/config.ts";
import { gather } from "../clients/http_reader.ts";
import { SECRETS } from "../data/secrets.ts";
import { FakeUpstream, plainAnswer, type UpstreamRequest } from "../upstreams/fake_upstream.ts";
import { testBackend, testEndpoint } from "./config.ts";
import { LocalProxy, type LocalProxyOptions } from "./local_proxy.ts";

/** One upstream of a {@link OneDoor}. */
export interface Room {
  readonly dialect?: Dialect;
  readonly preset?: Endpoint["preset"];
  /** The models that the upstream lists. Undefined: it has no list. */
  readonly models?: readonly string[];
  readonly endpoint?: Partial<Endpoint>;
  readonly backend?: Partial<Backend>;
  /** The list of Ollama's own API. */
  readonly tags?: unknown;
  /** Whether the endpoint forwards the client's own key. */
  readonly passthrough?: boolean;
  /** Waits before the list is sent. */
  readonly listed?: Promise<void>;
}

/** What an upstream got. */
export interface Arrived {
  readonly endpoint: string;
  readonly request: UpstreamRequest;
  readonly body: string;
}

export interface OneDoorOptions extends Omit<LocalProxyOptions, "endpoints" | "routing"> {
  readonly routes?: readonly ModelRoute[];
  readonly aliases?: Readonly<Record<string, string>>;
  readonly refreshMs?: number;
}

export class OneDoor implements AsyncDisposable {
  /** All requests but those for lists of models, in the order of arrival. */
  readonly arrived: Arrived[] = [];
  /** The requests for lists of models, by the names of endpoints. */
  readonly lists: string[] = [];
  readonly proxy: LocalProxy;
  readonly #upstreams: FakeUpstream[];

  constructor(rooms: Readonly<Record<string, Room>>, options: OneDoorOptions = {}) {
    const entries = Object.entries(rooms).map(([name, room]) => ({
      name,
      room,
      upstream: this.#open(name, room),
    }));
    this.#upstreams = entries.map(({ upstream }) => upstream);
    const { routes = [], aliases = {}, refreshMs, ...others } = options;
    const routing: RoutingConfig = {
      byModel: true,
      routes,
      aliases: new Map(Object.entries(aliases)),
      refreshMs,
      localRefreshMs: refreshMs,
    };
    const [first] = entries;
    if (first === undefined) throw new TypeError("no upstream");
    this.proxy = new LocalProxy(first.upstream, {
      ...others,
      routing,
      endpoints: entries.map(({ name, room, upstream }) =>
        testEndpoint(name, [
          testBackend(upstream.origin, {
            key: room.passthrough === true
              ? { mode: "passthrough" }
              : { mode: "inject", value: `key-of-${name}` },
            ...room.backend,
          }),
        ], {
          dialect: room.dialect ?? "openai",
          ...(room.preset !== undefined && { preset: room.preset }),
          ...room.endpoint,
        })
      ),
    });
  }

  #open(endpoint: string, { models, tags, listed }: Room): FakeUpstream {
    return new FakeUpstream({
      script: async (exchange) => {
        const { request } = exchange;
        const body = new TextDecoder().decode(await gather(exchange.body()));
        const isList = request.method === "GET" && /\/(?:models|tags)(?:\?|$)/.test(request.target) &&
          request.header("user-agent") === "llm-proxy";
        if (isList) {
          this.lists.push(endpoint);
          await listed;
          const data = models?.map((id) => ({ id, object: "model", created: 1, owned_by: endpoint }));
          const ofOpenAi = data && { object: "list", data };
          const sent = request.target === "/api/tags" ? tags : ofOpenAi;
          return await exchange.write(
            sent === undefined
              ? plainAnswer("{}", { status: "404 Not Found" })
              : plainAnswer(JSON.stringify(sent)),
          );
        }
        this.arrived.push({ endpoint, request, body });
        await exchange.write(plainAnswer("{}"));
      },
    });
  }

  /** Sends a request, and returns what arrived upstream, or the proxy's own response. */
  async send(
    path: string,
    body: string | Uint8Array<ArrayBuffer> | FormData | undefined,
    headers: Readonly<Record<string, string>> = { "content-type": "application/json" },
  ): Promise<{ response: Response; text: string; arrived: Arrived | undefined }> {
    const before = this.arrived.length;
    const response = await fetch(this.proxy.url + path, {
      method: body === undefined ? "GET" : "POST",
      headers: { authorization: `Bearer ${SECRETS.proxyToken}`, ...headers },
      ...(body !== undefined && { body }),
    });
    return { response, text: await response.text(), arrived: this.arrived[before] };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.proxy[Symbol.asyncDispose]();
    for (const upstream of this.#upstreams) await upstream[Symbol.asyncDispose]();
  }
}
