/** A browser at the routes of the sign-in: it keeps cookies by their path, and follows what a test says. */

import type { SignInProvider } from "../../../src/config/config.ts";
import { createHttp1Transport } from "../../../src/forwarding/transport/http1.ts";
import type { Transport } from "../../../src/forwarding/transport/transport.ts";
import type { Sealer } from "../../../src/people/oidc/pending.ts";
import { SignIn } from "../../../src/people/oidc/sign_in.ts";
import type { Outcome, SignedIn, SignInFailure } from "../../../src/people/oidc/signed_in.ts";
import { randomKey, SecretBox } from "../../../src/storage/secret_box.ts";
import { FakeClock } from "../time/fake_clock.ts";

/** The address by which browsers reach the admin page in these tests. */
export const PUBLIC_URL = "https://llm.example.com";

/** The sign-in with a clock of the test, and what it reported. */
export class SignInBench implements Disposable {
  readonly clock: FakeClock;
  readonly people: SignedIn[] = [];
  readonly failures: SignInFailure[] = [];
  readonly signIn: SignIn;
  readonly #transport: Transport;

  private constructor(
    providers: readonly SignInProvider[],
    { clock, sealer, outcome }: { clock: FakeClock; sealer: Sealer; outcome: Outcome },
  ) {
    this.clock = clock;
    this.#transport = createHttp1Transport();
    this.signIn = new SignIn({
      config: { publicUrl: PUBLIC_URL, providers },
      clock,
      sealer,
      transport: this.#transport,
      onSignedIn: (person) => {
        this.people.push(person);
        return Promise.resolve(outcome);
      },
      onFailed: (_, failure) => this.failures.push(failure),
    });
  }

  /** `sealer`: two replicas have the same. */
  static async open(
    providers: readonly SignInProvider[],
    {
      clock = new FakeClock(),
      sealer,
      outcome = { kind: "signed_in", cookies: ["llm_proxy_session=1; Path=/admin; HttpOnly"] },
    }: { clock?: FakeClock; sealer?: Sealer; outcome?: Outcome } = {},
  ): Promise<SignInBench> {
    return new SignInBench(providers, { clock, sealer: sealer ?? await newSealer(), outcome });
  }

  [Symbol.dispose](): void {
    this.#transport.close();
  }
}

/** A box with a random key. */
export async function newSealer(): Promise<Sealer> {
  return await SecretBox.of(randomKey());
}

/** A browser with cookies. */
export class SignInBrowser {
  readonly cookies = new Map<string, string>();
  readonly #signIn: SignIn;

  constructor({ signIn }: Pick<SignInBench, "signIn">) {
    this.#signIn = signIn;
  }

  /** Opens a path of the admin page. */
  async open(path: string, headers: Record<string, string> = {}): Promise<Response> {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const response = await this.#signIn.answer(
      new Request(`http://llm-proxy${path}`, {
        headers: { host: "llm.example.com", ...cookie !== "" && { cookie }, ...headers },
      }),
    );
    for (const line of response.headers.getSetCookie()) {
      const [name = "", value = ""] = (line.split(";")[0] ?? "").split("=");
      if (/max-age=0/i.test(line)) this.cookies.delete(name);
      else this.cookies.set(name, value);
    }
    return response;
  }

  /** Begins a sign-in, and returns the URL at the provider. */
  async begin(name = "scripted", query = ""): Promise<URL> {
    const response = await this.open(`/admin/sign-in/${name}${query}`);
    const to = response.headers.get("location");
    if (to === null) throw new Error(`${response.status}: ${await response.text()}`);
    await response.body?.cancel();
    return new URL(to);
  }

  /** Comes back from a provider with a query. */
  async returned(query: URLSearchParams, name = "scripted"): Promise<{ status: number; text: string }> {
    const response = await this.open(`/admin/sign-in/${name}/callback?${query}`);
    return { status: response.status, text: await response.text() };
  }
}
