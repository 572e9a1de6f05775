/** Whether a reverse proxy in front passes streams on without buffering, and leads to this proxy. */

import { isLoopback } from "../../config/read/outbound_proxy.ts";

import { processSources } from "../../config/sources/env.ts";
import { loadOutboundProxy } from "../../config/load.ts";
import type { Config } from "../../config/config.ts";
import { TOKEN_VARIABLE } from "../../connect/client.ts";
import { TransportError } from "../../forwarding/transport/transport.ts";
import { PULSE_EVENTS, PULSE_PATH, PULSE_PAUSE_MS } from "../../own_routes/pulse.ts";
import { durationText } from "../../config/values/durations.ts";
import { CommandError } from "../command_error.ts";
import { parseHealth } from "../health.ts";
import { type Answer, request, type RequestOptions } from "../request.ts";
import { type Finding, findingsOf } from "./finding.ts";

const { ok, warning, problem } = findingsOf("buffering");

const TIMEOUT_MS = 15_000;

const STREAM_MS = (PULSE_EVENTS - 1) * PULSE_PAUSE_MS;


/**
 * The address that clients use, without what stands behind its path. Throws a {@link CommandError} where it is
 * none.
 */
export function publicUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && /^https?:$/.test(url.protocol) && url.username === "" && url.password === "") {
    return url;
  }
  throw new CommandError("--url is not an address like https://llm.example.com", 2);
}

/** Asks the proxy through what is in front of it. */
export async function checkBuffering(url: URL, config: Config | undefined): Promise<Finding[]> {
  const base = url.origin + url.pathname.replace(/\/+$/, "");
  const options: RequestOptions = {
    timeoutMs: TIMEOUT_MS,
    proxy: await loadOutboundProxy(processSources, url.origin),
    // A certificate of a private authority is the one that this configuration names.
    ...(config?.server.tls && { caCerts: [config.server.tls.cert] }),
  };
  const health = await ask(`${base}/health`, options);
  if (typeof health === "string") {
    return [
      problem(
        `${base} cannot be asked: ${health}`,
        "check name, certificate, and whether the reverse proxy runs",
      ),
    ];
  }
  if (parseHealth(health.text) === undefined) {
    return [problem(
      `${base}/health answers ${health.status}, and not as llm-proxy does`,
      "let the reverse proxy pass on every path to llm-proxy",
    )];
  }
  const isOpen = url.protocol === "http:" && !isLoopback(url.hostname);
  const plain = isOpen ? [warning(`${base} is plain HTTP: tokens can be read on the way`, "use HTTPS")] : [];
  return [...plain, await checkStream(base, { ...options, ...tokenOf(config) })];
}

async function checkStream(base: string, options: RequestOptions): Promise<Finding> {
  const arrivals: number[] = [];
  const answer = await ask(base + PULSE_PATH, {
    ...options,
    onProgress: () => arrivals.push(performance.now()),
  });
  if (typeof answer === "string") return problem(`the stream of ${base} broke off: ${answer}`);
  if (answer.status === 401) {
    return warning(
      `${base} does not take the token, so that no stream could be asked for`,
      `put a valid one into ${TOKEN_VARIABLE}`,
    );
  }
  if (answer.status !== 200) {
    return warning(
      `${base}${PULSE_PATH} answers ${answer.status}, so that no stream could be looked at`,
      "update the llm-proxy there",
    );
  }
  const spreadMs = (arrivals.at(-1) ?? 0) - (arrivals[0] ?? 0);
  if (spreadMs >= STREAM_MS / 2) return ok(`${base} hands a stream on as it comes`);
  return problem(
    `${base} holds a stream back: ${PULSE_EVENTS} events that were sent over ${STREAM_MS} ms came within ${
      Math.round(spreadMs)
    } ms`,
    "in nginx: proxy_buffering off; proxy_http_version 1.1; and no gzip for text/event-stream",
  );
}

/** The token of the environment, which is a client's, or the one that all clients have. */
function tokenOf(config: Config | undefined): { token?: string } {
  const shared = config?.auth.mode === "token" ? config.auth.tokens[0]?.token : undefined;
  const token = processSources.get(TOKEN_VARIABLE) || shared;
  return token === undefined ? {} : { token };
}

/** Why there is no answer, in a few words. */
async function ask(url: string, options: RequestOptions): Promise<Answer | string> {
  try {
    return await request(url, options);
  } catch (error) {
    if (error instanceof TransportError) return error.message;
    return error instanceof DOMException
      ? `nothing came within ${durationText(TIMEOUT_MS)}`
      : "the connection failed";
  }
}

