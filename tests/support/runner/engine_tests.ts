/** The files of tests that `deno task test:engine` runs with `engine = "deno"`. */

import { filesOf } from "../../suites.ts";
import type { Difference } from "../proxies/engine.ts";

const WIRE = new URL("../../wire/", import.meta.url);

/** Files of `tests/wire` that are about one difference as a whole. */
export const OWN_ENGINE_FILES: Readonly<Record<string, Difference>> = {
  "messages/echo_test.ts": "headers",
  "hostile/corpus_test.ts": "malformed",
  "hostile/http2_floods_test.ts": "https",
  "messages/http2_test.ts": "https",
  "limits/make_room_test.ts": "connections",
  "hostile/malformed_requests_test.ts": "malformed",
  "streams/realtime_managed_test.ts": "webSocket",
  "process/tls_test.ts": "https",
  "streams/websocket_test.ts": "webSocket",
};

/**
 * What a test imports if it starts the proxy in the process of the test. Only such a proxy takes the engine.
 */
const STARTS_PROXY = /\b(?:local_proxy|managed_proxy|fault_bench|stage)\.ts"/;

/**
 * The files of tests that run with every engine: the short ones that start the proxy in the process of the
 * test.
 */
export async function engineFiles(): Promise<string[]> {
  const files: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(WIRE)) {
    if (!isDirectory) continue;
    for await (const { name: file } of Deno.readDir(new URL(`${name}/`, WIRE))) {
      const path = `${name}/${file}`;
      if (!file.endsWith("_test.ts") || path in OWN_ENGINE_FILES) continue;
      if (STARTS_PROXY.test(await Deno.readTextFile(new URL(path, WIRE)))) files.push(`tests/wire/${path}`);
    }
  }
  return filesOf(files, "short").sort();
}
