/** A proxy of its own process whose configuration file changes. */

import { type FakeUpstream, plainAnswer, type Script } from "../upstreams/fake_upstream.ts";
import { gather } from "../clients/http_reader.ts";
import { ProxyProcess } from "../processes/proxy_process.ts";
import { rawRequest } from "../clients/raw_client.ts";
import { SECRETS } from "../data/secrets.ts";

/** The header with the token of that proxy. */
export const TOKEN = `Authorization: Bearer ${SECRETS.proxyToken}`;

/** An upstream that answers everything with the same text. */
export function says(text: string): Script {
  return async (exchange) => {
    await gather(exchange.body());
    await exchange.write(plainAnswer(text));
  };
}

/** A configuration with one endpoint, `chat`; `more` goes into its section `[server]`. */
export function configFor(upstream: FakeUpstream, more = ""): string {
  return `[server]
host = "127.0.0.1"
port = 0
${more}
[log]
format = "json"
level = "debug"
access = true
[auth]
token = "${SECRETS.proxyToken}"
[endpoints.chat]
base_url = "${upstream.origin}"
api_key = "${SECRETS.openaiKey}"
`;
}

/** Runs a proxy of a configuration file, which the test may change. */
export async function withProxy(
  text: string,
  test: (proxy: ProxyProcess, file: string) => Promise<void>,
  args: string[] = [],
): Promise<void> {
  const folder = await Deno.makeTempDir();
  const file = `${folder}/config.toml`;
  await Deno.writeTextFile(file, text);
  {
    await using proxy = await ProxyProcess.startWith({ CONFIG_PATH: file }, args);
    await test(proxy, file);
  }
  await Deno.remove(folder, { recursive: true });
}

/** Sends one request; gives the status and the text of the answer. */
export async function ask(proxy: ProxyProcess, path = "/chat/x"): Promise<string> {
  const { status, text } = await rawRequest(proxy.url, [`GET ${path} HTTP/1.1`, TOKEN]);
  return `${status} ${text}`;
}
