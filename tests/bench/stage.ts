/** Where candidates run: the upstreams, the processes and the temporary files of one run of the bench. */

import { type Candidate, CHAT_PATH, ROOT, TLS_FILES, TOKEN, UPSTREAM_KEY } from "./candidates/candidate.ts";
import { freePort } from "../support/processes/port.ts";
import { answers, LOAD_CORE, output, PROXY_CORE, start } from "./process.ts";
import { ANSWER, HEADERS, QUESTION } from "./question.ts";

/** One candidate that runs. */
export interface Subject {
  readonly name: string;
  readonly candidate: Candidate;
  /** The address of chat completions. */
  readonly url: string;
  readonly pid: number;
  /** Headers of every request, with the credential. */
  readonly headers: Readonly<Record<string, string>>;
  /** Milliseconds from the start to the first answer with 200. */
  readonly startMs: number;
  /** Kills the process and waits for its end. */
  stop(): Promise<void>;
}

/** Where a candidate forwards to, and how clients connect to it. */
export interface StageOptions {
  readonly upstream: string;
  readonly isSecure?: boolean;
}

/** Ends all that it has started when it is disposed. */
export class Stage implements AsyncDisposable {
  /** A temporary folder. */
  readonly folder: string;
  /** Trusts the authority of the tests. */
  readonly client: Deno.HttpClient;
  readonly #stack = new AsyncDisposableStack();

  private constructor(folder: string) {
    this.folder = folder;
    this.client = Deno.createHttpClient({ caCerts: [Deno.readTextFileSync(TLS_FILES.ca)] });
    this.#stack.defer(() => Deno.remove(folder, { recursive: true }));
    this.#stack.defer(() => this.client.close());
  }

  /** Makes the folder. */
  static async open(): Promise<Stage> {
    return new Stage(await Deno.makeTempDir({ prefix: "llm-proxy-bench-" }));
  }

  /**
   * Starts nginx, which answers each request that has the key with the same JSON and a random request id, as
   * providers do. Gives its two origins.
   */
  async jsonUpstream(): Promise<{ plain: string; tls: string }> {
    const [plain, tls] = [freePort(), freePort()];
    const file = `${this.folder}/upstream.conf`;
    await Deno.writeTextFile(
      file,
      `master_process off; daemon off; error_log /dev/null; pid ${file}.pid; worker_rlimit_nofile 60000;
events { worker_connections 50000; }
http { access_log off; keepalive_requests 1000000000; keepalive_timeout 600; default_type application/json;
client_body_temp_path ${file}.body; proxy_temp_path ${file}.proxy;
ssl_certificate ${TLS_FILES.cert}; ssl_certificate_key ${TLS_FILES.key};
add_header x-request-id $request_id;
map "$http_authorization $http_x_api_key" $right { "~(^| )${UPSTREAM_KEY}" 1; default 0; }
server { listen 127.0.0.1:${plain} backlog=4096; listen 127.0.0.1:${tls} ssl backlog=4096;
location / { if ($right = 0) { return 401; } return 200 '${ANSWER}'; } } }`,
    );
    const running = start(["nginx", "-c", file], { core: LOAD_CORE });
    this.#stack.defer(() => running.stop());
    await answers(`http://127.0.0.1:${plain}/`, { headers: { authorization: `Bearer ${UPSTREAM_KEY}` } });
    return { plain: `http://127.0.0.1:${plain}`, tls: `https://localhost:${tls}` };
  }

  /** Builds the client and the upstream of event streams in Go, and starts the upstream. Gives its origin. */
  async streamUpstream(): Promise<string> {
    const folder = `${ROOT}tests/bench`;
    const program = `${this.folder}/stream_upstream`;
    await output(["go", "build", "-o", program, `${folder}/upstreams/stream_upstream.go`]);
    await output(["go", "build", "-o", this.streamClient, `${folder}/clients/stream_client.go`]);
    const port = freePort();
    const upstream = start([program, `127.0.0.1:${port}`], { core: LOAD_CORE });
    this.#stack.defer(() => upstream.stop());
    const origin = `http://127.0.0.1:${port}`;
    await answers(`${origin}${CHAT_PATH}`, { method: "POST", body: QUESTION });
    return origin;
  }

  /** The program that `streamUpstream` builds. */
  get streamClient(): string {
    return `${this.folder}/stream_client`;
  }

  /** Starts one candidate and waits for its first right answer. Throws if there is none within 15 s. */
  async start(candidate: Candidate, { upstream, isSecure = false }: StageOptions): Promise<Subject> {
    const listen = `127.0.0.1:${freePort()}`;
    const begin = performance.now();
    const { args, env = {}, token = TOKEN } = await candidate.command({ listen, upstream, isSecure });
    const commandMs = performance.now() - begin;
    const running = start(args, { env, core: PROXY_CORE });
    this.#stack.defer(() => running.stop());
    // The certificate of the tests is for the name.
    const origin = isSecure ? `https://localhost:${listen.split(":")[1]}` : `http://${listen}`;
    const url = `${origin}${candidate.path ?? CHAT_PATH}`;
    const headers = { ...HEADERS, authorization: `Bearer ${token}`, ...candidate.headers?.(upstream) };
    try {
      await candidate.prepare?.(origin, upstream);
      await answers(url, { method: "POST", headers, body: QUESTION, client: this.client });
    } catch (error) {
      await running.stop();
      throw error;
    }
    const startMs = performance.now() - begin - commandMs;
    return {
      name: candidate.name,
      candidate,
      url,
      pid: running.pid,
      headers,
      startMs,
      stop: () => running.stop(),
    };
  }

  /** Starts several candidates. Calls `onMissing` for each that does not start. */
  async startAll(
    candidates: readonly Candidate[],
    { onMissing, ...options }: StageOptions & { onMissing: (name: string, reason: string) => void },
  ): Promise<Subject[]> {
    const subjects: Subject[] = [];
    for (const candidate of candidates) {
      try {
        subjects.push(await this.start(candidate, options));
      } catch (error) {
        onMissing(candidate.name, error instanceof Error ? error.message : String(error));
      }
    }
    return subjects;
  }

  /** Kills all and removes the folder. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}
