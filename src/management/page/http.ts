/** Requests to the proxy that served the page, and how they fail. */

/** The API said no. `message` is for people; `places` names the members of the body that are wrong. */
export class ApiError extends Error {
  readonly status: number;
  readonly places: readonly { readonly pointer: string; readonly detail: string }[];

  constructor(status: number, message: string, places: ApiError["places"] = []) {
    super(message);
    this.status = status;
    this.places = places;
  }
}

/** The proxy could not be asked at all. */
export class Unreachable extends Error {
  constructor() {
    super("The proxy does not answer.");
  }
}

/** `fetch`, with {@link Unreachable} for whatever goes wrong on the way. */
export async function fetchOrThrow(url: string, init: RequestInit = {}): Promise<Response> {
  try {
    return await fetch(url, init);
  } catch (error) {
    if (init.signal?.aborted) throw error;
    throw new Unreachable();
  }
}

/** The error in an answer that is none of the expected. */
export function problemOf(status: number, text: string): ApiError {
  try {
    const { detail, errors } = JSON.parse(text);
    // Where in the body it is, programs are told; people see their form.
    return new ApiError(status, String(detail).replace(/^#\/[\w/]*: /, ""), errors ?? []);
  } catch {
    return new ApiError(status, `The proxy answered ${status}.`);
  }
}
