/** Requests from a proxy the endpoints that a token may use. */

import * as v from "valibot";
import { DIALECT_NAMES } from "../../apis/dialects.ts";
import { nameSchema } from "../../config/values/values.ts";
import { namedEndpoint } from "../../connect/endpoints.ts";
import type { ConnectEndpoint } from "../../connect/endpoints.ts";
import { fieldValue } from "../../http/fields.ts";
import { ENDPOINT_LIST_PATH } from "../../own_routes/endpoint_list.ts";
import { messageOf } from "../../text/error_text.ts";
import { harmlessText } from "../../text/harmless_text.ts";
import { CommandError } from "../command_error.ts";
import { type HttpResponse, request } from "../request.ts";

const TIMEOUT_MS = 10_000;
const MAX_RESPONSE_BYTES = 1_000_000;
/** The longest text of the proxy in an error message, in characters. */
const MAX_QUOTED = 400;

/** The address of a proxy, and the values that a request to it needs. */
export interface ProxyPlace {
  /** The address without a slash at its end. */
  readonly url: string;
  readonly token: string | undefined;
  /** The path of a certificate authority for the proxy's certificate. `undefined` if none is needed. */
  readonly ca: string | undefined;
}

/** The endpoints that the token may use. */
export interface ServedEndpoints {
  readonly endpoints: readonly ConnectEndpoint[];
  readonly defaultEndpoint: string | undefined;
}

/** The error if the proxy rejects the token, or requires one. The message is that of the proxy. */
export class TokenRejected extends Error {
  override readonly name = "TokenRejected";
}

/**
 * The response with the list. The names become paths and are shown at the terminal, so a list with other
 * names is rejected.
 */
const listSchema = v.object({
  endpoints: v.array(v.object({
    name: v.pipe(v.string(), nameSchema),
    dialect: v.picklist(DIALECT_NAMES),
    forwards_client_key: v.boolean(),
  })),
  default_endpoint: v.nullable(v.pipe(v.string(), nameSchema)),
});
const errorSchema = v.object({ error: v.object({ message: v.string() }) });
const modelsSchema = v.object({ data: v.array(v.object({ id: v.string() })) });

/** Requests the endpoints. Throws {@link TokenRejected}, or a {@link CommandError} with advice. */
export async function servedEndpoints(place: ProxyPlace): Promise<ServedEndpoints> {
  const response = await get(place, ENDPOINT_LIST_PATH);
  if (response.status === 401) throw new TokenRejected(messageIn(response));
  const list = parsed(listSchema, response.text);
  if (response.status === 200 && list !== undefined) {
    return {
      endpoints: list.endpoints.map(({ name, dialect, forwards_client_key: forwardsClientKey }) => {
        const known = namedEndpoint(name, { forwardsClientKey });
        if (known?.dialect === dialect) return known;
        return {
          name,
          dialect,
          model: undefined,
          preset: "generic",
          hasResponses: false,
          forwardsClientKey,
        };
      }),
      defaultEndpoint: list.default_endpoint ?? undefined,
    };
  }
  const fault = fieldValue(response.fields, "x-llm-proxy-error");
  if (fault === undefined) {
    throw new CommandError(
      `The server at ${place.url} is not llm-proxy. Name the address without the name of an endpoint: ` +
        "--address http://PROXY:33000",
    );
  }
  if (fault === "not_found") {
    throw new CommandError(
      `The proxy at ${place.url} is older than this program and cannot list its endpoints. Upgrade the proxy.`,
    );
  }
  throw new CommandError(`The proxy at ${place.url} answered ${response.status}: ${messageIn(response)}`);
}

/**
 * The names of models that a client may take from a list. opencode replaces `{file:…}` and `{env:…}` in its
 * settings, and Continue replaces `${{ … }}`. So other names could read files and secrets of the user.
 */
const LISTED_MODEL = /^[A-Za-z0-9][\w.:/@+-]{0,199}$/;

/**
 * Returns the names of the models of an endpoint, without those that clients must not take. Empty if the
 * upstream lists no models.
 */
export async function servedModels(place: ProxyPlace, endpoint: string): Promise<readonly string[]> {
  const { status, text } = await get(place, `/${endpoint}/v1/models`);
  const models = status === 200 ? parsed(modelsSchema, text)?.data ?? [] : [];
  return models.map(({ id }) => id).filter((id) => LISTED_MODEL.test(id));
}

async function get({ url, token, ca }: ProxyPlace, path: string): Promise<HttpResponse> {
  const caCerts = ca === undefined ? undefined : [readAuthority(ca)];
  try {
    return await request(url + path, {
      ...(token !== undefined && { token }),
      timeoutMs: TIMEOUT_MS,
      maxBytes: MAX_RESPONSE_BYTES,
      caCerts,
    });
  } catch (error) {
    const reason = error instanceof DOMException && error.name === "TimeoutError"
      ? "it does not answer"
      : harmlessText(messageOf(error), MAX_QUOTED);
    const trust = url.startsWith("https:") && ca === undefined
      ? " If llm-proxy tls init made its certificate, name its ca.pem with --ca FILE."
      : "";
    throw new CommandError(
      `Cannot reach the proxy at ${url}: ${reason}.\n` +
        `Check that it runs, or name its address with --address http://PROXY:33000.${trust}`,
    );
  }
}

function readAuthority(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    throw new CommandError(`Cannot read ${path}: ${messageOf(error)}.`, 2);
  }
}

/** Returns the message of an error of the proxy, in the format of any provider. */
function messageIn({ text, status }: HttpResponse): string {
  return harmlessText(parsed(errorSchema, text)?.error.message ?? `status ${status}`, MAX_QUOTED);
}

function parsed<Output>(
  schema: v.GenericSchema<unknown, Output>,
  text: string,
): Output | undefined {
  try {
    const result = v.safeParse(schema, JSON.parse(text));
    return result.success ? result.output : undefined;
  } catch {
    return undefined;
  }
}
