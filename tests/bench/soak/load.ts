/** The traffic: clients that ask one exchange after the other, each of a kind drawn by its weight. */

import type { Asked } from "./asked.ts";
import type { Credential, Credentials } from "./credentials.ts";
import { Http1Client } from "./http1_client.ts";
import { Http2Client } from "./http2_client.ts";
import { type Kind, KINDS } from "./kinds.ts";
import type { Ledger } from "./ledger.ts";
import { realtime } from "./realtime_client.ts";

/** Whom and with what the load asks. */
export interface LoadParts {
  readonly url: string;
  readonly tlsUrl: string;
  readonly clients: number;
  readonly credentials: Credentials;
  /** For kinds of exchanges that need a certain one. */
  readonly special: Readonly<Record<"nobody" | "limited" | "restricted", Credential>>;
  readonly ledger: Ledger;
  readonly below: (limit: number) => number;
  /** The configuration that is in use now. */
  readonly generation: () => number;
}

/** Of a hundred clients so many speak HTTP/2, and HTTP/1.1 with TLS. */
const HTTP2_SHARE = 30;
const TLS_SHARE = 10;
const LONGEST_THOUGHT_MS = 100;
const LONGEST_MS = 20_000;
const MOST_PATIENCE = 10;
const TOTAL_WEIGHT = KINDS.reduce((sum, { weight }) => sum + weight, 0);

/** Asks until the signal; resolves when the last answer has ended and all connections are closed. */
export async function runLoad(parts: LoadParts, signal: AbortSignal): Promise<void> {
  await using http2 = new Http2Client(parts.tlsUrl, parts.below);
  await Promise.all(Array.from({ length: parts.clients }, (_, at) => client(at * 100 / parts.clients)));

  async function client(at: number): Promise<void> {
    const { below, ledger } = parts;
    const speaksHttp2 = at < HTTP2_SHARE;
    const isTls = at < HTTP2_SHARE + TLS_SHARE;
    using http1 = new Http1Client(isTls ? parts.tlsUrl : parts.url, below);
    while (!signal.aborted) {
      await new Promise((resolve) => setTimeout(resolve, below(LONGEST_THOUGHT_MS)));
      const asked = nextOf(parts, speaksHttp2 ? "h2" : isTls ? "http/1.1 and tls" : "http/1.1");
      if (asked === undefined) continue;
      try {
        const asking = asked.kind.play === "realtime"
          ? realtime(parts.url, asked, below)
          : (speaksHttp2 ? http2 : http1).ask(asked);
        ledger.ended(asked, await inTime(asking));
      } catch (error) {
        ledger.lost(asked, error);
      }
    }
  }
}

/** Asks once with a value that has ended, over a connection of its own. */
export async function tryEnded(
  parts: Pick<LoadParts, "url" | "ledger" | "below" | "generation">,
  credential: Credential,
): Promise<void> {
  const kind = KINDS.find(({ who }) => who === "ended");
  if (kind === undefined) throw new TypeError("there is no such kind");
  using client = new Http1Client(parts.url, parts.below);
  const asked = askedOf(parts, { kind, over: "http/1.1", credential });
  parts.ledger.ended(asked, await inTime(client.ask(asked)));
}

/** Rejects where it takes longer than any exchange of the soak has to. */
async function inTime<Value>(promise: Promise<Value>): Promise<Value> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error("it does not end")), LONGEST_MS);
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Undefined: of that kind there is none now. */
function nextOf(parts: LoadParts, over: Asked["over"]): Asked | undefined {
  const { below, credentials, special } = parts;
  const kind = kindOf(below(TOTAL_WEIGHT));
  const { who = "anybody" } = kind;
  const from = who === "ended" ? credentials.tried : credentials.active;
  const credential = who === "anybody" || who === "ended"
    ? from[below(Math.max(1, from.length))]
    : special[who];
  if (credential === undefined) return undefined;
  return askedOf(parts, { kind, over: kind.play === "realtime" ? "http/1.1" : over, credential });
}

function askedOf(
  { ledger, below, generation }: Pick<LoadParts, "ledger" | "below" | "generation">,
  what: Pick<Asked, "kind" | "over" | "credential">,
): Asked {
  return {
    ...what,
    serial: ledger.nextSerial(),
    begunAt: performance.now(),
    generation: generation(),
    patience: below(MOST_PATIENCE),
  };
}

function kindOf(drawn: number): Kind {
  let left = drawn;
  for (const kind of KINDS) {
    if ((left -= kind.weight) < 0) return kind;
  }
  throw new RangeError("more was drawn than there is");
}
