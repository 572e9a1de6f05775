/**
 * Checks a reverse proxy in front of this proxy: whether it forwards requests to this proxy, and passes
 * streams on without buffering.
 */

import { isLoopback } from "../../config/read/outbound_proxy.ts";

import { processSources } from "../../config/sources/env.ts";
import { loadOutboundProxy } from "../../config/load.ts";
import type { Config } from "../../config/config.ts";
import { TOKEN_VARIABLE } from "../../connect/client.ts";
import { TransportError } from "../../forwarding/transport/transport.ts";
import {
  HEALTH_STREAM_EVENTS,
  HEALTH_STREAM_PATH,
  HEALTH_STREAM_PAUSE_MS,
} from "../../own_routes/health_stream.ts";
import { durationText } from "../../config/values/durations.ts";
import { CommandError } from "../command_error.ts";
import { parseHealth } from "../health.ts";
import { type HttpResponse, request, type RequestOptions } from "../request.ts";
import { type Finding, findingsOf } from "./finding.ts";

const { ok, warning, problem } = findingsOf("buffering");

const TIMEOUT_MS = 15_000;

const STREAM_MS = (HEALTH_STREAM_EVENTS - 1) * HEALTH_STREAM_PAUSE_MS;

/**
 * Parses the address that clients use. Throws a {@link CommandError} if it is not an `http:` or `https:` URL.
 */
export function publicUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && /^https?:$/.test(url.protocol) && url.username === "" && url.password === "") {
    return url;
  }
  // The message does not repeat the value, because the value may be a token in the wrong place.
  throw new CommandError("--url is not an address like https://llm.example.com", 2);
}

/** Sends requests to the proxy through the reverse proxy, and reports how the responses arrive. */
export async function checkBuffering(url: URL, config: Config | undefined): Promise<Finding[]> {
  const base = url.origin + url.pathname.replace(/\/+$/, "");
  const options: RequestOptions = {
    timeoutMs: TIMEOUT_MS,
    proxy: await loadOutboundProxy(processSources, url.origin),
    // The client also trusts the certificate of this configuration, which a private authority may have
    // signed.
    ...(config?.server.tls && { caCerts: [config.server.tls.cert] }),
  };
  const health = await responseOrReason(`${base}/health`, options);
  if (typeof health === "string") {
    return [
      problem(
        `cannot reach ${base}: ${health}`,
        "check its name and certificate, and whether the reverse proxy runs",
      ),
    ];
  }
  if (parseHealth(health.text) === undefined) {
    return [problem(
      `${base}/health answers ${health.status}, but not as llm-proxy does`,
      "make the reverse proxy forward every path to llm-proxy",
    )];
  }
  const isOpen = url.protocol === "http:" && !isLoopback(url.hostname);
  const plain = isOpen
    ? [warning(`${base} is plain HTTP: others on the network can read tokens`, "use HTTPS")]
    : [];
  return [...plain, await checkStream(base, { ...options, ...tokenOf(config) })];
}

async function checkStream(base: string, options: RequestOptions): Promise<Finding> {
  const arrivals: number[] = [];
  const response = await responseOrReason(base + HEALTH_STREAM_PATH, {
    ...options,
    onProgress: () => arrivals.push(performance.now()),
  });
  if (typeof response === "string") return problem(`the stream of ${base} was interrupted: ${response}`);
  if (response.status === 401) {
    return warning(
      `${base} rejects the token, so its streams were not checked`,
      `put a valid token into ${TOKEN_VARIABLE}`,
    );
  }
  if (response.status !== 200) {
    return warning(
      `${base}${HEALTH_STREAM_PATH} answers ${response.status}, so its streams were not checked`,
      "update that llm-proxy",
    );
  }
  const spreadMs = (arrivals.at(-1) ?? 0) - (arrivals[0] ?? 0);
  if (spreadMs >= STREAM_MS / 2) return ok(`${base} passes streams on without buffering`);
  return problem(
    `${base} buffers streams: ${HEALTH_STREAM_EVENTS} events that were sent over ${STREAM_MS} ms arrived within ${
      Math.round(spreadMs)
    } ms`,
    "turn buffering off; in nginx: proxy_buffering off; proxy_http_version 1.1; no gzip for text/event-stream",
  );
}

/** Returns the token of a client: that of the environment, or else the shared token of the configuration. */
function tokenOf(config: Config | undefined): { token?: string } {
  const shared = config?.auth.mode === "token" ? config.auth.tokens[0]?.token : undefined;
  const token = processSources.get(TOKEN_VARIABLE) || shared;
  return token === undefined ? {} : { token };
}

/** Sends a request. Returns the response, or the reason why it failed. */
async function responseOrReason(url: string, options: RequestOptions): Promise<HttpResponse | string> {
  try {
    return await request(url, options);
  } catch (error) {
    if (error instanceof TransportError) return error.message;
    return error instanceof DOMException
      ? `nothing came within ${durationText(TIMEOUT_MS)}`
      : "the connection failed";
  }
}
