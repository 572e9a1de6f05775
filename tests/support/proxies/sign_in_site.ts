/** A small site with the routes of the sign-in and a page at `/admin`, in place of the whole proxy. */

import type { SignInProvider } from "../../../src/config/config.ts";
import { createHttp1Transport } from "../../../src/forwarding/transport/http1.ts";
import type { Transport } from "../../../src/forwarding/transport/transport.ts";
import { SIGN_IN_PATH } from "../../../src/people/oidc/return_path.ts";
import { SignIn } from "../../../src/people/oidc/sign_in.ts";
import type { SignedIn } from "../../../src/people/oidc/signed_in.ts";
import { systemClock } from "../../../src/time/clock.ts";
import { newSealer } from "../clients/sign_in_browser.ts";

export class SignInSite implements AsyncDisposable {
  readonly people: SignedIn[] = [];
  /** The messages of sign-ins that failed. */
  readonly failures: string[] = [];
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #transport: Transport = createHttp1Transport();
  #signIn: SignIn | undefined;

  constructor() {
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      (request) => this.#answer(request),
    );
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}`;
  }

  get signIn(): SignIn {
    if (this.#signIn === undefined) throw new Error("use() comes first");
    return this.#signIn;
  }

  /** The providers, which have to know the address of the site. */
  async use(providers: readonly SignInProvider[]): Promise<void> {
    this.#signIn = new SignIn({
      config: { publicUrl: this.url, providers },
      clock: systemClock,
      sealer: await newSealer(),
      transport: this.#transport,
      onSignedIn: (person) => {
        this.people.push(person);
        const cookies = ["llm_proxy_session=1; Path=/admin; HttpOnly; SameSite=Strict"];
        return Promise.resolve({ kind: "signed_in", cookies });
      },
      onFailed: (_, failure) => this.failures.push(failure.message),
    });
  }

  /** The page at `/admin` says whether the browser sent the cookie of a session. */
  async #answer(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    if (pathname.startsWith(SIGN_IN_PATH)) return await this.signIn.answer(request);
    const hasSession = request.headers.get("cookie")?.includes("llm_proxy_session=1") === true;
    const text = `<title>Admin</title><p>${hasSession ? "with" : "without"} a session</p>`;
    return new Response(text, { headers: { "content-type": "text/html" } });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#transport.close();
    await this.#server.shutdown();
  }
}
