/** The proxy in the test's own process with the management plane on, and a database that nobody else uses. */

import { type Clock, systemClock } from "../../../src/time/clock.ts";
import type {
  Config,
  Endpoint,
  JwtIssuer,
  ManagementConfig,
  NamedToken,
  ServerConfig,
} from "../../../src/config/config.ts";
import type { Management } from "../../../src/management/management.ts";
import { openManagement } from "../../../src/management/open.ts";
import type { Store } from "../../../src/storage/store.ts";
import { LocalProxy, type LogLine, type UpstreamAddress } from "./local_proxy.ts";
import { assertNoSecrets, SECRETS } from "../data/secrets.ts";
import { otherStoreOf, type TestDatabase, testDatabase } from "./test_database.ts";
import { type SeenResponse, watchResponses } from "./watched_responses.ts";

export interface ManagedOptions {
  readonly endpoints?: readonly Endpoint[];
  readonly tokens?: readonly NamedToken[];
  /** The providers whose tokens are valid. */
  readonly jwt?: readonly JwtIssuer[];
  readonly management?: Partial<ManagementConfig>;
  /** Leaves out the token of the configuration, so that people and management tokens are the only ways in. */
  readonly withoutToken?: boolean;
  readonly server?: Partial<ServerConfig>;
  readonly routing?: Config["routing"];
  /** The plane's. */
  readonly clock?: Clock;
}

/** An answer of the management API. */
export interface ApiAnswer {
  readonly status: number;
  readonly headers: Headers;
  // Whatever it says; tests look at what they know.
  // deno-lint-ignore no-explicit-any
  readonly body: any;
}

export class ManagedProxy implements AsyncDisposable {
  readonly url: string;
  /** Where the management plane is, without a slash at its end. */
  readonly adminUrl: string;
  readonly databaseUrl: string;
  readonly proxy: LocalProxy;
  /** What the plane logged; requests are in the log of {@link proxy}. */
  readonly planeLog: readonly LogLine[];
  readonly #database: TestDatabase;
  readonly #management: Management;
  /** Of `/manage`, `/admin` and `/metrics`, whoever asked. */
  readonly #answers: readonly SeenResponse[];
  /** What the API and metrics told this test, but for the values of new tokens. */
  #seen = "";
  /** Values of tokens, which the database must not hold. */
  readonly #tokens: string[] = [];

  private constructor(
    proxy: LocalProxy,
    { management, answers, database, planeLog }: {
      management: Management;
      answers: readonly SeenResponse[];
      database: TestDatabase;
      planeLog: readonly LogLine[];
    },
  ) {
    this.proxy = proxy;
    this.planeLog = planeLog;
    this.url = proxy.url;
    this.adminUrl = proxy.adminPort === undefined ? proxy.url : `http://127.0.0.1:${proxy.adminPort}`;
    this.#management = management;
    this.#answers = answers;
    this.#database = database;
    this.databaseUrl = database.url;
  }

  static async start(upstream: UpstreamAddress, options: ManagedOptions = {}): Promise<ManagedProxy> {
    const database = await testDatabase();
    const management: ManagementConfig = {
      ...(options.withoutToken !== true && { token: SECRETS.managementToken }),
      databaseUrl: database.url,
      ...(database.encryptionKey && { encryptionKey: database.encryptionKey }),
      retentionDays: 90,
      adminIdleMs: 3_600_000,
      metricsPublic: false,
      ...options.management,
    };
    const planeLog: LogLine[] = [];
    const opened = await openManagement(management, {
      log: (_level, event, fields = {}) => void planeLog.push({ ...fields, event }),
      clock: options.clock ?? systemClock,
      onSecrets() {},
    });
    const answers = watchResponses(opened);
    const tokens = options.tokens ?? [{ name: "shared", token: SECRETS.proxyToken }];
    const proxy = new LocalProxy(upstream, {
      apiKey: SECRETS.openaiKey,
      auth: { mode: "token", tokens, ...(options.jwt && { jwt: options.jwt }) },
      management,
      opened,
      ...(options.endpoints && { endpoints: options.endpoints }),
      ...(options.server && { server: options.server }),
      ...(options.routing && { routing: options.routing }),
    });
    return new ManagedProxy(proxy, { management: opened, answers, database, planeLog });
  }

  /** Asks the management API. */
  async api(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<ApiAnswer> {
    const response = await fetch(`${this.adminUrl}/manage${path}`, {
      method,
      headers: {
        authorization: `Bearer ${SECRETS.managementToken}`,
        ...(body !== undefined && { "content-type": "application/json" }),
        ...headers,
      },
      ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const isJson = response.headers.get("content-type")?.includes("json") === true;
    const parsed = isJson ? JSON.parse(text) : text;
    if (typeof parsed?.token === "string") {
      this.#tokens.push(parsed.token);
      this.#seen += text.replace(parsed.token, "");
    } else this.#seen += text;
    return { status: response.status, headers: response.headers, body: parsed };
  }

  /** Fails at the end if the database, an answer or the log has this token. */
  conceals(token: string): void {
    this.#tokens.push(token);
  }

  /** A project with a token; gives the token's value and the ids. */
  async token(
    token: Record<string, unknown> = {},
    project: Record<string, unknown> = {},
  ): Promise<{ value: string; id: string; projectId: string }> {
    const name = `project ${this.#tokens.length}`;
    const made = await this.api("POST", "/projects", { name, ...project });
    if (made.status !== 201) throw new Error(JSON.stringify(made.body));
    const { body } = await this.api("POST", "/tokens", { project_id: made.body.id, name: "anna", ...token });
    return { value: body.token, id: body.id, projectId: made.body.id };
  }

  /** Asks a model through the proxy. */
  async chat(
    token: string,
    body: unknown = { model: "demo-small", messages: [{ role: "user", content: SECRETS.prompt }] },
    { path = "/openai/v1/chat/completions", headers = {} }: {
      path?: string;
      headers?: Record<string, string>;
    } = {},
  ): Promise<Response> {
    return await fetch(this.url + path, {
      method: "POST",
      headers: { "authorization": `Bearer ${token}`, "content-type": "application/json", ...headers },
      body: typeof body === "string" || body instanceof Uint8Array
        ? new Blob([body as BlobPart])
        : JSON.stringify(body),
    });
  }

  /** Takes a value that neither the database, nor an answer but its own, nor a log may hold in clear. */
  plant(secret: string): void {
    this.#tokens.push(secret);
  }

  /** Prometheus' text. */
  async metrics(): Promise<string> {
    const response = await fetch(`${this.adminUrl}/metrics`, {
      headers: { authorization: `Bearer ${SECRETS.managementToken}` },
    });
    const text = await response.text();
    this.#seen += text;
    return text;
  }

  /** The same database, as another program opens it. */
  otherStore(): Promise<Store> {
    return otherStoreOf(this.#database);
  }

  /** All that the database stores, as text. */
  async stored(): Promise<string> {
    return [...(await this.#database.contents()).values()].join("\n");
  }

  /** Runs a statement that no store has, in the database. */
  async execute(sql: string): Promise<void> {
    await this.#database.execute(sql);
  }

  /** The path of its file, for tests that run over SQLite alone. */
  get databaseFile(): string {
    return this.databaseUrl.slice("sqlite:".length);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.proxy[Symbol.asyncDispose]();
    await this.#management.close();
    for (const { request, text } of this.#answers) assertNoSecrets(text, `the answer to ${request}`);
    for (const [name, text] of await this.#database.contents()) {
      assertNoSecrets(text, name);
      for (const token of this.#tokens) {
        if (text.includes(token)) throw new Error(`${name} holds a token in clear`);
      }
    }
    for (const token of this.#tokens) {
      if (this.#seen.includes(token)) throw new Error("an answer repeats a token");
      const logged = JSON.stringify([this.proxy.log, this.planeLog]);
      if (logged.includes(token)) throw new Error("the log holds a token");
    }
    await this.#database.dispose();
  }
}
