/** A browser without scripts, for the pages of a sign-in with a provider. */

/** The page at the end of redirects. */
export interface Page {
  readonly url: string;
  readonly status: number;
  readonly text: string;
}

/** A browser with cookies for each site, which follows redirects and fills in the pages of the provider. */
export class Visitor {
  readonly #cookies = new Map<string, Map<string, string>>();
  readonly #with: { readonly client?: Deno.HttpClient };

  /** `client` has the authorities that the browser trusts. */
  constructor(client?: Deno.HttpClient) {
    this.#with = client === undefined ? {} : { client };
  }

  /** Requests a URL, and follows at most `redirects` redirects up to a page. */
  async visit(url: string, form?: Record<string, string>, redirects = 20): Promise<Page> {
    const { origin } = new URL(url);
    const jar = this.#cookies.get(origin) ?? new Map<string, string>();
    this.#cookies.set(origin, jar);
    const response = await fetch(url, {
      ...this.#with,
      redirect: "manual",
      headers: { cookie: [...jar].map(([name, value]) => `${name}=${value}`).join("; ") },
      ...form && { method: "POST", body: new URLSearchParams(form) },
    });
    for (const line of response.headers.getSetCookie()) {
      const pair = line.split(";")[0] ?? "";
      jar.set(pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1));
    }
    const to = response.headers.get("location");
    const text = await response.text();
    if (to === null) return { url, status: response.status, text };
    if (redirects === 0) throw new Error(`too many redirects, the last to ${to}`);
    return await this.visit(new URL(to, url).href, undefined, redirects - 1);
  }

  /** Sends a request like the page at `url` does, with its cookies. */
  async ask(
    method: string,
    url: string,
    body?: unknown,
  ): Promise<{ readonly status: number; readonly text: string }> {
    const { origin } = new URL(url);
    const cookie = [...this.#cookies.get(origin) ?? []].map(([name, value]) => `${name}=${value}`).join("; ");
    const response = await fetch(url, {
      ...this.#with,
      method,
      headers: { cookie, origin, ...(body !== undefined && { "content-type": "application/json" }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    return { status: response.status, text: await response.text() };
  }

  /** Signs in at the pages of the provider. */
  async signIn(url: string, login: string): Promise<Page> {
    const asked = await this.visit(url);
    const consent = await this.visit(actionOf(asked), { prompt: "login", login, password: "any" });
    return await this.visit(actionOf(consent), { prompt: "consent" });
  }
}

/** The address to which the form of a page is sent. */
export function actionOf({ url, text }: Page): string {
  const [, action] = /<form[^>]* action="([^"]+)"/.exec(text) ?? [];
  if (action === undefined) throw new Error(`no form at ${url}: ${text}`);
  return new URL(action, url).href;
}
