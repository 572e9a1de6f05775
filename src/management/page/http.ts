/** Requests to the proxy that served the page, and their errors. */

/**
 * An error response. `message` is for people; `places` names the members of the request body that are wrong.
 */
export class ApiError extends Error {
  readonly status: number;
  readonly places: readonly { readonly pointer: string; readonly detail: string }[];
  /** Which problem it is, if the status does not say it. */
  readonly code: string | undefined;

  constructor(status: number, message: string, places: ApiError["places"] = [], code?: string) {
    super(message);
    this.status = status;
    this.places = places;
    this.code = code;
  }
}

/** The request got no response: the proxy or the network is down. */
export class Unreachable extends Error {
  constructor() {
    super("The proxy does not respond.");
  }
}

/** An error to show, made of what was thrown. */
export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}

/**
 * `fetch` that throws {@link Unreachable} where there is no response. An aborted request throws its abort
 * reason.
 */
export async function fetchOrThrow(url: string, init: RequestInit = {}): Promise<Response> {
  try {
    return await fetch(url, init);
  } catch (error) {
    if (init.signal?.aborted) throw error;
    throw new Unreachable();
  }
}

/** Reads the error out of a response's status and body (problem details, RFC 9457). */
export function problemOf(status: number, text: string): ApiError {
  try {
    const { detail, errors, code } = JSON.parse(text);
    // The pointer into the JSON body helps programs. Users see the form instead.
    return new ApiError(status, String(detail).replace(/^#\/[\w/]*: /, ""), errors ?? [], code);
  } catch {
    return new ApiError(status, `The proxy responded with status ${status}.`);
  }
}
