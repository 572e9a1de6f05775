/** The device flow (RFC 8628) of the command: asks for codes, and polls until a person has decided. */

import * as v from "valibot";
import {
  DEVICE_CLIENT,
  DEVICE_CODE_PATH,
  DEVICE_GRANT,
  DEVICE_TOKEN_PATH,
} from "../../management/api/device_grant.ts";
import { deviceCode, deviceError, deviceToken } from "../../management/api/device_responses.ts";
import { MANAGE_PATH } from "../../management/api/manage.ts";
import { problem } from "../../management/api/responses.ts";
import { fieldValue } from "../../http/fields.ts";
import { harmlessText } from "../../text/harmless_text.ts";
import { CommandError } from "../command_error.ts";
import type { HttpResponse } from "../request.ts";
import { responseJson } from "../response_json.ts";

/** The codes of a begun login. */
export type BegunLogin = v.InferOutput<typeof deviceCode>;
/** The token of a confirmed login, and what it may do. */
export type LoginToken = v.InferOutput<typeof deviceToken>;

/** Sends a form to a path of the proxy. Throws if no proxy answers. */
export type SendForm = (path: string, form: Readonly<Record<string, string>>) => Promise<HttpResponse>;

/** The longest message of the proxy that an error shows, in characters. */
const MAX_QUOTED = 400;
/** How much longer the command waits after `slow_down` (RFC 8628, 3.5), in milliseconds. */
const SLOWER_MS = 5_000;
/** The longest pause after a failure, in milliseconds. */
const MAX_PAUSE_MS = 30_000;

/** Asks the proxy for codes. Throws a {@link CommandError} that says what is wrong. */
export async function beginLogin(
  send: SendForm,
  { machine, lifetimeS }: { machine: string; lifetimeS: number | undefined },
): Promise<BegunLogin> {
  const response = await send(`${MANAGE_PATH}${DEVICE_CODE_PATH}`, {
    client_id: DEVICE_CLIENT,
    machine,
    ...(lifetimeS !== undefined && { lifetime: String(lifetimeS) }),
  });
  const begun = parsed(deviceCode, response);
  if (response.status === 200 && begun !== undefined && isShowable(begun)) return begun;
  throw new CommandError(failureText(response));
}

/**
 * Polls until a person has confirmed, and returns the token. Goes on while the proxy does not answer, with
 * longer pauses. Throws a {@link CommandError} if the person refuses or the codes expire. `now` is in
 * milliseconds.
 */
export async function awaitToken(
  begun: BegunLogin,
  { send, wait, now }: { send: SendForm; wait: (ms: number) => Promise<void>; now: () => number },
): Promise<LoginToken> {
  const end = now() + begun.expires_in * 1000;
  const form = { client_id: DEVICE_CLIENT, grant_type: DEVICE_GRANT, device_code: begun.device_code };
  let intervalMs = begun.interval * 1000;
  let pauseMs = intervalMs;
  while (true) {
    await wait(pauseMs);
    if (now() >= end) throw expired();
    const response = await send(`${MANAGE_PATH}${DEVICE_TOKEN_PATH}`, form).catch(() => undefined);
    if (response === undefined || response.status >= 500) {
      pauseMs = Math.min(pauseMs * 2, MAX_PAUSE_MS);
      continue;
    }
    if (response.status === 429) {
      pauseMs = Math.max(intervalMs, retryAfterMs(response));
      continue;
    }
    const token = response.status === 200 ? parsed(deviceToken, response) : undefined;
    if (token !== undefined) return token;
    const error = parsed(deviceError, response)?.error;
    if (error === "slow_down") intervalMs += SLOWER_MS;
    else if (error === "access_denied") {
      throw new CommandError(`The login was refused: ${messageIn(response)}`);
    } else if (error === "expired_token") throw expired();
    else if (error !== "authorization_pending") throw new CommandError(failureText(response));
    pauseMs = intervalMs;
  }
}

/**
 * The address of the admin page to open. If the page is at the host that the command uses, its scheme is that
 * of the command: behind a reverse proxy, the proxy may not know it.
 */
export function pageAddress({ verification_uri: uri }: BegunLogin, url: string): string {
  const page = new URL(uri);
  const own = new URL(url);
  return page.host === own.host ? `${url}${page.pathname}${page.hash}` : page.href;
}

/** Whether the codes are what a terminal may show and a browser may open. */
function isShowable({ verification_uri: uri, user_code: code }: BegunLogin): boolean {
  // The address of a proxy has no backslash. The escape of a character that changes the terminal has one.
  return !uri.includes("\\") && URL.canParse(uri) && /^https?:$/.test(new URL(uri).protocol) &&
    /^[A-Z0-9-]{4,20}$/.test(code);
}

function expired(): CommandError {
  return new CommandError("The code has expired: no person confirmed in time. Run the command again.");
}

function retryAfterMs({ fields }: HttpResponse): number {
  const seconds = Number(fieldValue(fields, "retry-after"));
  return Number.isFinite(seconds) ? seconds * 1000 : 0;
}

function failureText(response: HttpResponse): string {
  const message = messageIn(response);
  if (message !== "") return `The proxy rejects the login: ${message}`;
  if (response.status === 401 || response.status === 404) {
    return "No llm-proxy with this command is at this address, or its management API is off or on another " +
      "port (ADMIN_PORT).";
  }
  return `The response ${response.status} is not from llm-proxy. Check --url.`;
}

/** What the proxy says of an error; empty if it says nothing. */
function messageIn(response: HttpResponse): string {
  const text = parsed(deviceError, response)?.error_description ?? parsed(problem, response)?.detail ?? "";
  return harmlessText(text, MAX_QUOTED);
}

function parsed<Output>(
  schema: v.GenericSchema<unknown, Output>,
  { text }: HttpResponse,
): Output | undefined {
  const result = v.safeParse(schema, responseJson(text));
  return result.success ? result.output : undefined;
}
