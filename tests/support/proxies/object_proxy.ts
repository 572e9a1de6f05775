/** A proxy in a process that can be killed, on a database that it may share with others. */

import { Management } from "../../bench/soak/management.ts";
import { proxyCommand, ProxyProcess } from "../processes/proxy_process.ts";
import { SECRETS } from "../data/secrets.ts";

/** A token of the management API. */
export interface MadeToken {
  readonly id: string;
  readonly value: string;
}

export class ObjectProxies implements AsyncDisposable {
  readonly folder: string;
  readonly #running = new Set<ProxyProcess>();

  private constructor(folder: string) {
    this.folder = folder;
  }

  /** `more` stands at the end of the configuration. Prices are whole micro-dollars per token. */
  static async at(origin: string, more = ""): Promise<ObjectProxies> {
    const folder = await Deno.makeTempDir();
    const proxies = new ObjectProxies(folder);
    await proxies.configure(origin, more);
    return proxies;
  }

  get database(): string {
    return `${this.folder}/proxy.db`;
  }

  async configure(origin: string, more = ""): Promise<void> {
    await Deno.writeTextFile(
      `${this.folder}/config.toml`,
      `[server]
host = "127.0.0.1"
port = 0
[auth]
token = "${SECRETS.proxyToken}"
[management]
token = "${SECRETS.managementToken}"
database_url = "sqlite:${this.folder}/proxy.db"
[log]
level = "debug"
format = "json"
access = true
[endpoints.openai]
provider = "openai"
api_key = "${SECRETS.openaiKey}"
base_url = "${origin}"
prices = { "bill-*" = { input = 2, output = 10 } }
${more}
`,
    );
  }

  async start(env: Record<string, string> = {}): Promise<ProxyProcess> {
    const proxy = await ProxyProcess.startCommand(
      proxyCommand([], { CONFIG_PATH: `${this.folder}/config.toml`, ...env }),
    );
    this.#running.add(proxy);
    return proxy;
  }

  /** `kill -9`. */
  async kill(proxy: ProxyProcess): Promise<void> {
    this.#running.delete(proxy);
    proxy.kill("SIGKILL");
    await proxy.exited();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const proxy of this.#running) await proxy[Symbol.asyncDispose]();
    await Deno.remove(this.folder, { recursive: true });
  }
}

/** A token in a new project. */
export async function makeToken(
  proxy: ProxyProcess,
  name: string,
  rules: Record<string, unknown> = {},
): Promise<MadeToken> {
  const management = new Management(proxy.url);
  const project = await management.ask("POST", "/projects", { name });
  const token = await management.ask("POST", "/tokens", { project_id: project["id"], name, ...rules });
  return { id: String(token["id"]), value: String(token["token"]) };
}

/** What a token has spent in all, in millionths of a dollar. */
export async function spentBy(proxy: ProxyProcess, { id }: MadeToken): Promise<number> {
  const { spent } = await new Management(proxy.url).ask("GET", `/tokens/${id}`);
  return typeof spent === "object" && spent !== null && "total_micros" in spent
    ? Number(spent.total_micros)
    : NaN;
}

/** What usage says of a token. */
export async function usageOf(
  proxy: ProxyProcess,
  { id }: MadeToken,
): Promise<Record<"requests" | "input_tokens" | "output_tokens" | "cost_micros", number>> {
  const answer = await new Management(proxy.url).ask("GET", `/usage?token_id=${id}`);
  const [row] = Array.isArray(answer["data"]) ? answer["data"] : [];
  const of = (name: string): number => Number(row?.[name] ?? 0);
  return {
    requests: of("requests"),
    input_tokens: of("input_tokens"),
    output_tokens: of("output_tokens"),
    cost_micros: of("cost_micros"),
  };
}

/** Asks an endpoint of a proxy. */
export async function ask(
  proxy: ProxyProcess,
  { value }: Pick<MadeToken, "value">,
  { endpoint = "openai", method = "GET", path, body }: {
    endpoint?: string;
    method?: string;
    path: string;
    body?: unknown;
  },
): Promise<{ status: number; text: string }> {
  const response = await fetch(`${proxy.url}/${endpoint}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${value}`,
      ...(body !== undefined && { "content-type": "application/json" }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  return { status: response.status, text: await response.text() };
}
