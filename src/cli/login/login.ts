/** `llm-proxy login` */

import { loadOutboundProxy } from "../../config/load.ts";
import { shellSources } from "../../config/sources/env.ts";
import { isLoopback } from "../../config/read/outbound_proxy.ts";
import { durationMs } from "../../config/values/durations.ts";
import { hostAndPort } from "../../network/host_port.ts";
import { messageOf } from "../../text/error_text.ts";
import { CommandError } from "../command_error.ts";
import { configFlags } from "../common_options.ts";
import { projectsText, shortTime } from "../manage/output.ts";
import { readAuthority, sendWithLogin } from "../manage/send.ts";
import { writeErr, writeResult } from "../output.ts";
import { ownManagementAddress } from "../own_address.ts";
import { withProgress } from "../progress.ts";
import { request } from "../request.ts";
import { dropRunRight } from "../run_right.ts";
import { unreachable } from "../unreachable.ts";
import { awaitToken, beginLogin, pageAddress, type SendForm } from "./device_flow.ts";
import { openBrowser } from "./open_browser.ts";
import {
  loginAddress,
  loginsPath,
  onlyLogin,
  type SavedLogin,
  savedLogins,
  saveLogin,
} from "./saved_logins.ts";
import { revokeLogin } from "./logout.ts";

/** The options of `llm-proxy login`. */
export interface LoginOptions {
  readonly url?: string;
  readonly ca?: string;
  readonly expires?: string;
  readonly machine?: string;
  /** `false` for `--no-browser`. */
  readonly browser: boolean;
  readonly config?: string;
}

const TIMEOUT_MS = 10_000;
const MAX_RESPONSE_BYTES = 100_000;

/**
 * Gets a management token that a person confirms at the admin page, and saves it for other commands. Throws a
 * {@link CommandError} if the person refuses, or if no proxy answers.
 */
export async function login(options: LoginOptions): Promise<void> {
  if (!options.browser) dropRunRight();
  // Without a folder for the token, no person needs to confirm anything.
  const path = loginsPath();
  const lifetimeS = lifetimeOf(options.expires);
  const url = await addressOf(options);
  const before = savedLogins().get(url);
  const ca = options.ca === undefined ? before?.ca : absolute(options.ca);
  const send = await formSender(url, ca);
  if (isReadable(url)) {
    writeErr(
      `Warning: ${url} is not HTTPS. Everyone on the way to the proxy can read the token of this login, also ` +
        "when other commands use it. Press Ctrl-C if this network is not your own.\n\n",
    );
  }
  const begun = await beginLogin(send, { machine: options.machine ?? machineName(), lifetimeS });
  const page = pageAddress(begun, url);
  const minutes = Math.round(begun.expires_in / 60);
  writeErr(
    `Open this address in a browser, and sign in there:\n\n  ${page}\n\n` +
      `Then type this code, which is valid for ${minutes} minutes:\n\n  ${begun.user_code}\n\n`,
  );
  if (options.browser) openBrowser(page);
  const token = await withProgress("Waiting until a person confirms", () =>
    awaitToken(begun, {
      send,
      wait: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
      now: () => Date.now(),
    }));
  const saved: SavedLogin = {
    token: token.access_token,
    token_id: token.token_id,
    person: token.person,
    expires_at: token.expires_at,
    ...(ca !== undefined && { ca }),
  };
  saveLogin(url, saved);
  if (before !== undefined) await replaceLogin(url, before);
  const { person, role, projects, expires_at } = token;
  writeResult(
    { url, name: token.name, person, role, projects, expires_at },
    () =>
      `You are logged in at ${url}${person === null ? "" : ` as ${person}`}: ${role}, ${
        projectsText(projects)
      }, until ${shortTime(expires_at)} (UTC).\n` +
      `The token is in ${path}, which only you can read. llm-proxy logout revokes it.\n`,
  );
}

/** Revokes the token of an earlier login at the same proxy. It may have ended already. */
async function replaceLogin(url: string, before: SavedLogin): Promise<void> {
  try {
    await revokeLogin(await sendWithLogin(url, before), before);
  } catch (error) {
    writeErr(`The token of the earlier login could not be revoked: ${messageOf(error)}\n`);
  }
}

/** The address of the proxy: `--url`, the only saved login, or the proxy of the configuration here. */
async function addressOf({ url, config }: LoginOptions): Promise<string> {
  if (url !== undefined) return loginAddress(url);
  const saved = config === undefined ? onlyLogin() : undefined;
  if (saved !== undefined) return saved[0];
  const { tls, ...address } = await ownManagementAddress(configFlags(config));
  return `${tls ? "https" : "http"}://${hostAndPort(address)}`;
}

/** Whether other machines can read what the command sends to an address. */
function isReadable(url: string): boolean {
  const { protocol, hostname } = new URL(url);
  return protocol === "http:" && !isLoopback(hostname);
}

async function formSender(url: string, ca: string | undefined): Promise<SendForm> {
  const proxy = await loadOutboundProxy(shellSources, new URL(url).origin);
  const caCerts = ca === undefined ? undefined : [readAuthority(ca)];
  return async (path, form) => {
    try {
      return await request(`${url}${path}`, {
        method: "POST",
        form,
        proxy,
        caCerts,
        timeoutMs: TIMEOUT_MS,
        maxBytes: MAX_RESPONSE_BYTES,
      });
    } catch (error) {
      throw unreachable(url, error, ca === undefined ? "name its ca.pem with --ca FILE" : undefined);
    }
  };
}

function machineName(): string {
  try {
    return Deno.hostname();
  } catch {
    return "";
  }
}

/** The value of `--expires` in seconds. */
function lifetimeOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const ms = /^\d+$/.test(text) ? NaN : durationMs(text);
  if (ms >= 1000) return Math.floor(ms / 1000);
  throw new CommandError(`--expires: ${JSON.stringify(text)} is not a duration like 12h or 30d`, 2);
}

/** The absolute path of a file, because later commands may run in another folder. */
function absolute(path: string): string {
  try {
    return Deno.realPathSync(path);
  } catch (error) {
    throw new CommandError(`Cannot read ${path}: ${messageOf(error)}.`, 2);
  }
}
