/** Clients that keep the person's login at the provider, started with `llm-proxy run --passthrough`. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { ClientBench } from "../support/clients/connected_client.ts";
import { headerOf } from "../support/clients/http_reader.ts";
import { clientProgram, withoutClient } from "../support/clients/real_clients.ts";
import { changesOf, pairsOf } from "../support/clients/wire_diff.ts";
import { SECRETS } from "../support/data/secrets.ts";
import { unless } from "../support/runner/left_out.ts";
import { SENTENCE } from "../support/upstreams/model_upstream.ts";

const DAY_MS = 86_400_000;
const SIGNED_IN = "own-login-of-the-person";

interface LoggedIn {
  readonly client: string;
  readonly program: string;
  readonly endpoint: string;
  readonly args: readonly string[];
  /** The file that the login writes. */
  readonly file: string;
  readonly text: () => string;
  /** What has to arrive at the provider, by the names of headers. */
  readonly headers: () => Readonly<Record<string, string>>;
}

const CLIENTS: readonly LoggedIn[] = [
  {
    client: "claude-code",
    program: "claude",
    endpoint: "own-anthropic",
    args: ["-p", "Say hello."],
    file: ".claude/.credentials.json",
    text: () =>
      JSON.stringify({
        claudeAiOauth: {
          accessToken: SIGNED_IN,
          refreshToken: "refresh",
          expiresAt: Date.now() + DAY_MS,
          scopes: ["user:inference", "user:profile"],
          subscriptionType: "max",
        },
      }),
    headers: () => ({ authorization: `Bearer ${SIGNED_IN}` }),
  },
  {
    client: "codex",
    program: "codex",
    endpoint: "own-openai",
    args: ["exec", "--skip-git-repo-check", "Say hello."],
    file: ".codex/auth.json",
    text: () =>
      JSON.stringify({
        auth_mode: "chatgpt",
        OPENAI_API_KEY: null,
        tokens: {
          id_token: CHATGPT_TOKEN,
          access_token: CHATGPT_TOKEN,
          refresh_token: "refresh",
          account_id: "account-1",
        },
        last_refresh: new Date().toISOString(),
      }),
    headers: () => ({ authorization: `Bearer ${CHATGPT_TOKEN}`, "chatgpt-account-id": "account-1" }),
  },
];

/** The unsigned token of a login at ChatGPT, which is valid for a long time. */
const CHATGPT_TOKEN = [
  { alg: "none" },
  {
    exp: 4_000_000_000,
    email: "anna@example.com",
    "https://api.openai.com/auth": { chatgpt_account_id: "account-1", chatgpt_plan_type: "pro" },
  },
].map((part) => btoa(JSON.stringify(part)).replace(/=+$/, "")).join(".") + ".c2lnbmF0dXJl";

for (const { client, program: name, endpoint, args, file, text, headers } of CLIENTS) {
  const program = clientProgram(client, name);
  Deno.test({
    ...unless(withoutClient(client, program), `run ${name} --passthrough: the login of the person passes`),
    async fn() {
      await using bench = await ClientBench.start({ tapped: true });
      const path = `${bench.home}/${file}`;
      await Deno.mkdir(path.replace(/\/[^/]*$/, ""), { recursive: true });
      await Deno.writeTextFile(path, text());
      const said = await bench.start([name, "--passthrough", "--endpoint", endpoint, "--", ...args], {
        folders: [program?.replace(/\/[^/]*$/, "") ?? ""],
      });
      assertStringIncludes(said.out, SENTENCE, said.all);
      const { client: front, proxy: back } = bench.taps;
      const { pairs } = pairsOf(
        { client: await front.exchanges(), upstream: await back.exchanges() },
        (target) => target.replace(/^\/own-/, "/"),
      );
      assert(pairs.some(({ client: { method } }) => method === "POST"));
      for (const pair of pairs) {
        const changes = changesOf(pair.client.request, pair.upstream.request).map((change) =>
          change.toLowerCase().replace(/^(. [^:]+):.*/, "$1")
        );
        assertEquals(changes.filter((change) => change !== "- connection").sort(), [
          "+ host",
          "- host",
          "- x-llm-proxy-token",
        ]);
        for (const [field, value] of Object.entries(headers())) {
          assertEquals(headerOf(pair.upstream.request.headers, field), value);
        }
      }
      assertEquals(bench.saw(SECRETS.proxyToken), false);
    },
  });
}
