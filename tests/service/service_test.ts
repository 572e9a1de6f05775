import { assert, assertEquals } from "@std/assert";
import { parseEnv } from "node:util";
import { launchdService } from "../../src/service/launchd.ts";
import {
  environmentFile,
  environmentText,
  isQuotable,
  type ServiceFacts,
} from "../../src/service/service.ts";
import { systemdService } from "../../src/service/systemd.ts";
import { windowsService } from "../../src/service/windows.ts";
import { command } from "../support/processes/command.ts";
import { unless, without } from "../support/runner/left_out.ts";

const SECRET = "sk-secret-of-the-service";
const FACTS: ServiceFacts = {
  program: "/home/me/llm-proxy",
  variables: new Map([
    ["OPENAI_API_KEY", SECRET],
    ["PROXY_TOKEN", "it's-a-token"],
    ["TLS_CERT_FILE", "/etc/llm-proxy/tls/cert.pem"],
    ["TLS_KEY_FILE", "/etc/llm-proxy/tls/key.pem"],
  ]),
  config: { name: "config.toml", text: '[endpoints.openai]\napi_key = "${OPENAI_API_KEY}"\n' },
  user: "me",
};
const PLANS = { systemd: systemdService, launchd: launchdService, windows: windowsService };

function run(program: string, ...args: string[]): string {
  const { success, stdout, stderr } = command(program, { args }).outputSync();
  const text = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  assert(success, text);
  return text;
}

for (const [platform, plan] of Object.entries(PLANS)) {
  Deno.test(`service: ${platform}: keys are only in one file with mode 0600`, () => {
    const { files } = plan(FACTS);
    const holding = files.filter(({ text }) => text.includes(SECRET));
    assertEquals(
      holding.map(({ mode, shown }) => [mode, shown?.includes("OPENAI_API_KEY=…"), shown?.includes(SECRET)]),
      [[
        0o600,
        true,
        false,
      ]],
    );
  });
}

Deno.test("service: systemd: LoadCredential gives the service copies of certificate and key", () => {
  const variables = new Map([["TLS_CERT_FILE", "/etc/tls/cert.pem"], ["TLS_KEY_FILE", "/etc/tls/key.pem"], [
    "PORT",
    "1",
  ]]);
  const [unit, environment] = systemdService({ ...FACTS, variables }).files;
  assert(
    unit?.text.includes(
      "LoadCredential=TLS_KEY_FILE:/etc/tls/key.pem\nEnvironment=TLS_KEY_FILE=%d/TLS_KEY_FILE\n",
    ),
  );
  assert(environment?.text.includes("PORT=1") && !environment.text.includes("TLS_"));
});

Deno.test("environmentText: parseEnv reads the same values", () => {
  const values = ["plain", "with space", "it's", 'say "x"', "a#b", "$HOME", "back\\slash", "", "x=y"];
  const variables = new Map(values.map((value, index) => [`V${index}`, value]));
  const { ...read } = parseEnv(environmentText(variables));
  assertEquals(read, Object.fromEntries(variables));
  assertEquals([isQuotable(`'"`), isQuotable("'\\"), isQuotable('"\\')], [false, false, true]);
});

Deno.test({
  ...unless(without("systemd-analyze"), "service: systemd-analyze accepts the unit and rates it safe"),
  async fn() {
    const folder = await Deno.makeTempDir();
    const unit = `${folder}/llm-proxy.service`;
    // systemd-analyze requires the program of ExecStart.
    const text = systemdService(FACTS).files[0]?.text.replace("/usr/local/bin/llm-proxy", "/bin/true") ?? "";
    await Deno.writeTextFile(unit, text);
    assertEquals(run("systemd-analyze", "verify", "--recursive-errors=no", unit), "");
    // In tenths. The exposure was 1.1 of 10 at first, most of it for the network, which the service needs.
    run("systemd-analyze", "security", "--offline=true", "--threshold=15", unit);
    await Deno.remove(folder, { recursive: true });
  },
});

Deno.test("service: systemd: the program can write only into its own folder, and can compile code at run time", () => {
  const lines = systemdService(FACTS).files[0]?.text.split("\n") ?? [];
  const about = (key: RegExp) => lines.filter((line) => key.test(line));
  assertEquals(about(/^(ReadWritePaths|StateDirectory|ProtectSystem|ProtectHome|NoNewPrivileges)=/), [
    "StateDirectory=llm-proxy",
    "NoNewPrivileges=yes",
    "ProtectSystem=strict",
    "ProtectHome=yes",
  ]);
  assertEquals(about(/^MemoryDenyWriteExecute=/), []);
});

Deno.test({
  ...unless(without("python3"), "service: the plist is valid"),
  async fn() {
    const file = await Deno.makeTempFile();
    await Deno.writeTextFile(file, launchdService({ ...FACTS, user: "me & <you>" }).files[0]?.text ?? "");
    const code =
      "import plistlib, sys; p = plistlib.load(open(sys.argv[1], 'rb')); print(p['UserName'], p['RunAtLoad'])";
    assertEquals(run("python3", "-c", code, file), "me & <you> True\n");
    await Deno.remove(file);
  },
});

Deno.test("environmentFile: the shown text contains no line of a multi-line value", () => {
  const { text, shown = "" } = environmentFile("/x", new Map([["TLS_KEY", "-----BEGIN\nsecret\n-----END"]]));
  assertEquals([text.includes("secret"), shown.includes("secret"), shown.includes("TLS_KEY=…")], [
    true,
    false,
    true,
  ]);
});
