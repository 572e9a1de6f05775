import type { Provider } from "../config/schema.ts";
import { hopByHopTest } from "./hop_by_hop.ts";
import type { HeaderPair } from "./transport/transport.ts";

/** What the proxy does to the headers of a request besides dropping hop-by-hop ones. */
export interface RequestHeaderPolicy {
  /** Places whose credential stays behind; header names among them are dropped. */
  readonly withheld: ReadonlySet<string>;
  /** WebSocket subprotocols beginning so are credentials. */
  readonly keySubprotocolPrefix: string;
  readonly provider: Provider;
  /** The key to put in; absent: passthrough. */
  readonly apiKey?: string | undefined;
  /** Sent where the client sent none. */
  readonly anthropicVersion?: string | undefined;
}

/** Where each provider expects its key. */
const KEY_HEADER: Record<Provider, (key: string) => HeaderPair> = {
  openai: (key) => ["authorization", `Bearer ${key}`],
  anthropic: (key) => ["x-api-key", key],
  gemini: (key) => ["x-goog-api-key", key],
  generic: (key) => ["authorization", `Bearer ${key}`],
};

/** Headers that the transport writes itself (`host`, the framing) or that the server has answered (`expect`). */
const NOT_FORWARDED: ReadonlySet<string> = new Set(["host", "content-length", "expect"]);

/** The headers an upstream gets: the client's, unknown ones included, with the credential exchanged. */
export function upstreamHeaders(incoming: Headers, policy: RequestHeaderPolicy): HeaderPair[] {
  const isHopByHop = hopByHopTest(incoming.get("connection"));
  const pairs: HeaderPair[] = [];
  for (const [name, value] of incoming) {
    if (NOT_FORWARDED.has(name) || isHopByHop(name) || policy.withheld.has(name)) continue;
    if (name === "sec-websocket-protocol" && policy.withheld.has("subprotocol")) {
      const kept = value.split(",").map((item) => item.trim())
        .filter((item) => !item.startsWith(policy.keySubprotocolPrefix));
      if (kept.length > 0) pairs.push([name, kept.join(", ")]);
      continue;
    }
    pairs.push([name, value]);
  }
  if (policy.apiKey !== undefined) pairs.push(KEY_HEADER[policy.provider](policy.apiKey));
  if (policy.anthropicVersion !== undefined && !pairs.some(([name]) => name === "anthropic-version")) {
    pairs.push(["anthropic-version", policy.anthropicVersion]);
  }
  return pairs;
}
