/** A proxy with one budgeted token in front of an upstream whose answers a test writes. */

import type { Dialect } from "../../../src/apis/dialects.ts";
import type { Endpoint } from "../../../src/config/config.ts";
import { testBackend, testEndpoint } from "./config.ts";
import { FakeUpstream, type UpstreamRequest } from "../upstreams/fake_upstream.ts";
import { ManagedProxy } from "./managed_proxy.ts";

const KEY = { mode: "inject", value: "K" } as const;

export interface Reply {
  readonly type?: string;
  readonly headers?: Record<string, string>;
  readonly status?: string;
  readonly body: string | Uint8Array;
}

export type Answer = (request: UpstreamRequest, body: Uint8Array) => Reply | Promise<Reply>;

export interface Bench {
  readonly proxy: ManagedProxy;
  readonly upstream: FakeUpstream;
  readonly token: string;
  readonly tokenId: string;
  readonly spent: () => Promise<number>;
  readonly rows: () => Promise<Record<string, unknown>[]>;
  readonly send: (
    path: string,
    body: BodyInit | undefined,
    options?: { method?: string; headers?: Record<string, string>; token?: string },
  ) => Promise<{ status: number; text: string }>;
}

export async function withBench(
  { answer, dialect = "openai", priceProvider = dialect, endpoint = {}, rules, others = [] }: {
    answer: Answer;
    dialect?: Dialect;
    priceProvider?: string;
    endpoint?: Partial<Endpoint>;
    rules: Record<string, unknown>;
    others?: readonly string[];
  },
  work: (bench: Bench) => Promise<void>,
): Promise<void> {
  await using upstream = new FakeUpstream({
    script: async ({ request, body, write }) => {
      const pieces: Uint8Array[] = [];
      for await (const piece of body()) pieces.push(piece.slice());
      const whole = new Uint8Array(await new Blob(pieces as BlobPart[]).arrayBuffer());
      const reply = await answer(request, whole);
      const bytes = typeof reply.body === "string" ? new TextEncoder().encode(reply.body) : reply.body;
      const more = Object.entries(reply.headers ?? {}).map(([name, value]) => `${name}: ${value}\r\n`).join(
        "",
      );
      await write(
        `HTTP/1.1 ${reply.status ?? "200 OK"}\r\nContent-Type: ${reply.type ?? "application/json"}\r\n` +
          `${more}Content-Length: ${bytes.length}\r\n\r\n`,
      );
      await write(bytes);
    },
  });
  const endpoints = ["api", ...others].map((name) =>
    testEndpoint(name, [testBackend(upstream.origin, { key: KEY })], {
      dialect,
      priceProvider,
      ...endpoint,
    })
  );
  await using proxy = await ManagedProxy.start(upstream, { endpoints });
  const { value, id } = await proxy.token(rules);
  await work({
    proxy,
    upstream,
    token: value,
    tokenId: id,
    spent: async () => (await proxy.api("GET", `/tokens/${id}`)).body.spent.total_micros,
    rows: async () => (await proxy.api("GET", `/exchanges?limit=50`)).body.data,
    send: async (path, body, { method = "POST", headers = {}, token = value } = {}) => {
      const isForm = body instanceof FormData;
      const answer = await fetch(proxy.url + path, {
        method,
        headers: {
          authorization: `Bearer ${token}`,
          ...(!isForm && body !== undefined && { "content-type": "application/json" }),
          ...headers,
        },
        ...(body !== undefined && { body }),
      });
      return { status: answer.status, text: await answer.text() };
    },
  });
}
