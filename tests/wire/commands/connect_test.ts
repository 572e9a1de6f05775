/** `llm-proxy connect` on a client's machine, which has no configuration, and on the proxy's own. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { proxyCommand } from "../../support/processes/proxy_process.ts";

async function inFolder(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await test(await Deno.realPath(folder));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function connect(folder: string, args: readonly string[], env: Record<string, string> = {}) {
  const { code, stdout, stderr } = await proxyCommand(["connect", ...args], env, folder).output();
  const decoder = new TextDecoder();
  return { code, out: decoder.decode(stdout), err: decoder.decode(stderr) };
}

Deno.test("connect without a configuration: needs only the address and a token of the environment", () =>
  inFolder(async (folder) => {
    const { code, out, err } = await connect(folder, ["openai-sdk", "--url", "http://10.0.0.9:33000/"], {
      LLM_PROXY_TOKEN: "llmp_of_anna",
    });
    assertEquals([code, err], [0, ""]);
    assertStringIncludes(
      out,
      "# OpenAI SDKs: in the shell or its startup file\n" +
        "export OPENAI_BASE_URL=http://10.0.0.9:33000/openai/v1\nexport OPENAI_API_KEY=llmp_of_anna\n",
    );
    assertStringIncludes(out, "# The name of the endpoint is a guess");
    const flag = await connect(folder, [
      "claude-code",
      "--url",
      "http://10.0.0.9:33000",
      "--token",
      "of-flag",
    ], {
      LLM_PROXY_TOKEN: "llmp_of_anna",
    });
    assertStringIncludes(flag.out, "ANTHROPIC_BASE_URL=http://10.0.0.9:33000/anthropic\n");
    assertStringIncludes(flag.out, "ANTHROPIC_AUTH_TOKEN=of-flag\n");
  }));

Deno.test("connect without a configuration and without an address: the error says what to do", () =>
  inFolder(async (folder) => {
    const { code, out, err } = await connect(folder, ["codex"]);
    assertEquals([code, out], [2, ""]);
    assertStringIncludes(err, "--url http://PROXY:33000");
  }));

Deno.test("connect without a configuration: any endpoint by its name, and an endpoint that forwards keys", () =>
  inFolder(async (folder) => {
    const url = ["--url", "http://10.0.0.9:33000"];
    const lab = await connect(folder, [
      "codex",
      ...url,
      "--endpoint",
      "lab",
      "--passthrough",
      "--token",
      "t1",
    ]);
    assertStringIncludes(lab.out, 'base_url = "http://10.0.0.9:33000/lab/v1"');
    assertStringIncludes(lab.out, 'http_headers = { "x-llm-proxy-token" = "t1" }');
    assertStringIncludes(lab.out, "export OPENAI_API_KEY='<key for the provider>'");
    assert(!lab.out.includes("is a guess"), lab.out);
    const unable = await connect(folder, ["cline", ...url, "--passthrough"]);
    assertStringIncludes(unable.out, "Cline has no known setting for this header.");
  }));

Deno.test("connect with HTTPS: the settings contain the file of the authority, or a note asks for it", () =>
  inFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/ca.pem`, "x");
    const url = ["--url", "https://10.0.0.9:33443"];
    const known = await connect(folder, ["codex", ...url, "--ca", "ca.pem"]);
    assertStringIncludes(known.out, `export CODEX_CA_CERTIFICATE=${folder}/ca.pem`);
    const unknown = await connect(folder, ["codex", ...url]);
    assert(!unknown.out.includes("CODEX_CA_CERTIFICATE"), unknown.out);
    assertStringIncludes(unknown.out, "name its ca.pem with --ca FILE");
    const plain = await connect(folder, ["codex", "--url", "http://10.0.0.9:33000", "--ca", "ca.pem"]);
    assert(!plain.out.includes("CODEX_CA_CERTIFICATE"), plain.out);
  }));

Deno.test("connect on the machine of the proxy: the HTTPS port, and the authority of a certificate of tls init", () =>
  inFolder(async (folder) => {
    const made = await proxyCommand(["tls", "init", "--folder", "tls"], {}, folder).output();
    assertEquals(made.code, 0);
    await Deno.writeTextFile(
      `${folder}/config.toml`,
      `[server]
host = "10.0.0.7"
https_port = 33443
tls_cert_file = "tls/cert.pem"
tls_key_file = "tls/key.pem"
[auth]
token = "a-token-of-some-length"
[endpoints.anthropic]
api_key = "sk-ant-x"
`,
    );
    const { code, out } = await connect(folder, ["claude-code"]);
    assertEquals(code, 0);
    assertStringIncludes(out, "export ANTHROPIC_BASE_URL=https://10.0.0.7:33443/anthropic");
    assertStringIncludes(out, "export NODE_EXTRA_CA_CERTS=/path/to/ca.pem");
    assertStringIncludes(out, "# /path/to/ca.pem is a copy of data/tls/ca.pem");
    assert(!out.includes("sk-ant-x") && !out.includes("a-token-of-some-length"), out);
  }));
