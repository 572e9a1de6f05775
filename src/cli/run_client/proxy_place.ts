/**
 * Finds the address and the token of the proxy, in the options, the environment and the saved file, or by
 * questions.
 */

import { processSources } from "../../config/sources/env.ts";
import { TOKEN_VARIABLE, URL_VARIABLE } from "../../connect/client.ts";
import { messageOf } from "../../text/error_text.ts";
import { CommandError } from "../command_error.ts";
import { writeErr } from "../output.ts";
import type { Prompt } from "../prompt.ts";
import { type ProxyPlace, type ServedEndpoints, servedEndpoints, TokenRejected } from "./endpoint_list.ts";
import { readSavedProxy, type SavedProxy, savedProxyPath, writeSavedProxy } from "./saved_proxy.ts";

/** The number of times that the user may type the token. */
const ATTEMPTS = 3;

/** The options that name the proxy. */
export interface PlaceOptions {
  readonly address?: string;
  readonly tokenFile?: string;
  readonly ca?: string;
}

/** A proxy that accepted the token, and its endpoints. */
export interface FoundProxy extends ServedEndpoints {
  readonly place: ProxyPlace;
}

/**
 * Finds the proxy, and checks the token. Without a prompt, it asks no questions. Throws a
 * {@link CommandError} with advice.
 */
export async function findProxy(options: PlaceOptions, prompt: Prompt | undefined): Promise<FoundProxy> {
  const path = savedProxyPath();
  const named = options.address ?? (processSources.get(URL_VARIABLE) || undefined);
  const saved = readSavedProxy(path);
  const url = named === undefined ? saved?.url ?? await askAddress(prompt) : checkAddress(named);
  // A saved token is sent only to the proxy for which it was saved.
  const own = saved?.url === url ? saved : undefined;
  const ca = options.ca === undefined ? own?.ca : absolute(options.ca);
  const given = givenToken(options);
  let token = given ?? own?.token;
  let isTyped = named === undefined && own === undefined;
  for (let attempt = 0;; attempt++) {
    const place = { url, token, ca };
    try {
      const served = await servedEndpoints(place);
      if (isTyped) {
        save(path, { url, ...(given === undefined && token !== undefined && { token }), ...(ca && { ca }) });
      }
      return { place, ...served };
    } catch (error) {
      if (!(error instanceof TokenRejected)) throw error;
      if (prompt === undefined || given !== undefined || attempt === ATTEMPTS) {
        throw rejected(place, {
          message: error.message,
          isSaved: token !== undefined && token === own?.token,
        });
      }
      if (token !== undefined) prompt.say(`${error.message}\n`);
      token = checkToken(await prompt.hidden(`Proxy token for ${url}: `), "The token");
      isTyped = true;
    }
  }
}

async function askAddress(prompt: Prompt | undefined): Promise<string> {
  if (prompt === undefined) {
    throw new CommandError(
      `The address of the proxy is missing: --address http://PROXY:33000, or set ${URL_VARIABLE}.`,
      2,
    );
  }
  while (true) {
    const typed = await prompt.line("Address of the proxy, like http://192.168.1.20:33000: ");
    try {
      return checkAddress(typed);
    } catch (error) {
      prompt.say(`${messageOf(error)}\n`);
    }
  }
}

/** Returns the address without a slash at its end. Throws a {@link CommandError} if it is invalid. */
export function checkAddress(text: string): string {
  const whole = /^[a-z]+:\/\//i.test(text) ? text : `http://${text}`;
  const url = URL.canParse(whole) ? new URL(whole) : undefined;
  const isUsable = url !== undefined && /^https?:$/.test(url.protocol) && url.username === "" &&
    url.password === "" && url.search === "" && url.hash === "" && text.trim() !== "";
  // The message does not repeat the text, because the text may contain a password.
  if (!isUsable) {
    throw new CommandError("This is not the address of a proxy. Use an address like http://PROXY:33000.", 2);
  }
  return url.href.replace(/\/+$/, "");
}

function givenToken({ tokenFile }: PlaceOptions): string | undefined {
  if (tokenFile === undefined) {
    const value = processSources.get(TOKEN_VARIABLE);
    return value === undefined || value === "" ? undefined : checkToken(value, TOKEN_VARIABLE);
  }
  try {
    return checkToken(Deno.readTextFileSync(tokenFile).trim(), `The token in ${tokenFile}`);
  } catch (error) {
    if (error instanceof CommandError) throw error;
    throw new CommandError(`Cannot read ${tokenFile}: ${messageOf(error)}.`, 2);
  }
}

function checkToken(text: string, what: string): string {
  if (/^[\x21-\x7e]+$/.test(text)) return text;
  throw new CommandError(`${what} is empty, or has spaces or other characters that no token has.`, 2);
}

function rejected(
  { url, token }: ProxyPlace,
  { message, isSaved }: { message: string; isSaved: boolean },
): CommandError {
  const advice = token === undefined
    ? `Set ${TOKEN_VARIABLE}, or name a file that holds the token: --token-file FILE.`
    : isSaved
    ? "llm-proxy run --forget deletes the saved token, and the next run asks for a new one."
    : "Ask the administrator of the proxy for a valid token.";
  return new CommandError(`The proxy at ${url} rejects the request: ${message}\n${advice}`);
}

function save(path: string | undefined, saved: SavedProxy): void {
  if (path === undefined) return;
  writeSavedProxy(path, saved);
  writeErr(`Saved in ${path}, which only you can read. llm-proxy run --forget deletes it.\n`);
}

/** Returns the absolute path of a file, because the client may start in another folder. */
function absolute(path: string): string {
  try {
    return Deno.realPathSync(path);
  } catch (error) {
    throw new CommandError(`Cannot read ${path}: ${messageOf(error)}.`, 2);
  }
}
