/**
 * `stop`, `reload` and `check --changed` reach the running proxy alone, and no program gets the management
 * token.
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { proxyCommand, ProxyProcess } from "../../support/processes/proxy_process.ts";
import { freePort } from "../../support/processes/port.ts";
import { assertNoSecrets, SECRETS } from "../../support/data/secrets.ts";
import { unless, withoutIpv6, withoutUnix } from "../../support/runner/left_out.ts";

const COMMANDS = [["check", "--changed"], ["reload"], ["stop"]];

interface Place {
  readonly folder: string;
  /** Writes the `[server]` section of the configuration. */
  readonly configure: (server: string) => Promise<void>;
  readonly serve: (env?: Record<string, string>) => Promise<ProxyProcess>;
  readonly run: (
    args: readonly string[],
    env?: Record<string, string>,
  ) => Promise<{ code: number; out: string; err: string }>;
  /** The names of the run files. */
  readonly runFiles: () => string[];
}

function inPlace(test: (place: Place) => Promise<void>): () => Promise<void> {
  return async () => {
    const folder = await Deno.makeTempDir();
    const env = { MANAGEMENT_TOKEN: SECRETS.managementToken, PROXY_TOKEN: SECRETS.proxyToken };
    const decoder = new TextDecoder();
    try {
      await test({
        folder,
        configure: (server) =>
          Deno.writeTextFile(
            `${folder}/config.toml`,
            `[server]\n${server}\n[endpoints.lab]\nbase_url = "http://127.0.0.1:9/v1"\napi_key = "K"\n`,
          ),
        serve: (more = {}) =>
          ProxyProcess.startCommand(proxyCommand([], { ...env, ...more, LOG_FORMAT: "json" }, folder)),
        async run(args, more = {}) {
          const { code, stdout, stderr } = await proxyCommand(args, { ...env, ...more }, folder).output();
          const [out, err] = [decoder.decode(stdout), decoder.decode(stderr)];
          assertNoSecrets(out + err, args.join(" "));
          return { code, out, err };
        },
        runFiles: () =>
          [...Deno.readDirSync(`${folder}/data`)].map(({ name }) => name).filter((name) =>
            name.includes("-run-")
          ),
      });
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  };
}

/** A program of another user, which listens on a port and keeps what it gets. */
function listener(
  port: number,
  answer = "HTTP/1.1 204 No Content\r\n\r\n",
): Disposable & { got: () => string } {
  let text = "";
  const server = Deno.listen({ hostname: "127.0.0.1", port });
  (async () => {
    for await (const connection of server) {
      const buffer = new Uint8Array(65_536);
      const count = await connection.read(buffer) ?? 0;
      text += new TextDecoder().decode(buffer.subarray(0, count));
      await connection.write(new TextEncoder().encode(answer));
      connection.close();
    }
  })().catch(() => {});
  return { got: () => text, [Symbol.dispose]: () => server.close() };
}

const onPort = (port: number) => `host = "127.0.0.1"\nport = ${port}`;

for (const args of COMMANDS) {
  Deno.test(
    `${
      args.join(" ")
    }: after an edit of the port, the command reaches the running proxy, and the new port gets nothing`,
    inPlace(async ({ configure, serve, run }) => {
      const [before, after] = [freePort(), freePort()];
      await configure(onPort(before));
      await using proxy = await serve();
      using other = listener(after);
      await configure(onPort(after));
      const { code, err } = await run(args);
      assertEquals([code, err, other.got()], [0, "", ""]);
      // A signal while the proxy drains would end it at once.
      if (args[0] === "stop") assertEquals(await proxy.exited(), 0);
    }),
  );

  Deno.test(
    `${args.join(" ")}: while no proxy runs and another program has the database open, the port gets nothing`,
    inPlace(async ({ folder, configure, serve, run }) => {
      const port = freePort();
      await configure(onPort(port));
      await (await serve())[Symbol.asyncDispose]();
      // `llm-proxy backup` has this lock while it runs.
      using lock = await Deno.open(`${folder}/data/llm-proxy.db-lock`, { read: true, write: true });
      await lock.lock(false);
      using other = listener(port);
      const { code, err } = await run(args);
      assertEquals([code, other.got()], [1, ""]);
      assertStringIncludes(err, "No proxy runs here: no proxy has sqlite:./data/llm-proxy.db open");
      assertStringIncludes(err, "--url URL");
    }),
  );

  Deno.test({
    ...unless(withoutUnix(), `${args.join(" ")}: after a kill of the proxy, the port gets nothing`),
    fn: inPlace(async ({ configure, serve, run, runFiles }) => {
      const port = freePort();
      await configure(onPort(port));
      const proxy = await serve();
      proxy.kill("SIGKILL");
      await proxy.exited();
      const stale = runFiles();
      assertEquals(stale.length, 1);
      {
        using other = listener(port);
        const { code, err } = await run(args);
        assertEquals([code, other.got()], [1, ""]);
        assertStringIncludes(err, "No proxy runs here");
      }
      await using _next = await serve();
      assertEquals(runFiles().length, 1);
      assert(!runFiles().includes(stale[0] ?? ""), "the next start removes the stale file");
    }),
  });

  Deno.test(
    `${args.join(" ")}: a program at the address of the proxy gets no token, and its success is not believed`,
    inPlace(async ({ folder, configure, run }) => {
      const port = freePort();
      await configure(onPort(port));
      await run(["project", "create", "home"]);
      // As on a file system without locks after a kill, or with the proxy in a container: the address is
      // another's.
      const path = `${folder}/data/llm-proxy.db-run-1234567890abcdef`;
      const secret = btoa("s".repeat(32));
      await Deno.writeTextFile(path, JSON.stringify({ url: `http://127.0.0.1:${port}`, secret }));
      using file = await Deno.open(path);
      await file.lock(false);
      using other = listener(port);
      const { code, err } = await run(args);
      assertEquals(code, 1);
      assertStringIncludes(err, "is not from the proxy that has sqlite:./data/llm-proxy.db open");
      assertStringIncludes(other.got(), "LLM-Proxy-Control ");
      assertNoSecrets(other.got(), "the other program");
      assertEquals(other.got().includes(secret), false);
    }),
  );
}

Deno.test(
  "stop: the run file is private while the proxy runs, and gone afterwards; no token is needed during a wait",
  inPlace(async ({ folder, configure, serve, run, runFiles }) => {
    await configure(onPort(0));
    await using proxy = await serve();
    const [name = ""] = runFiles();
    const path = `${folder}/data/${name}`;
    if (Deno.build.os !== "windows") assertEquals((Deno.statSync(path).mode ?? 0) & 0o777, 0o600);
    assertNoSecrets(Deno.readTextFileSync(path), "the run file");
    for (let guess = 0; guess < 6; guess++) {
      const response = await fetch(`${proxy.url}/manage/health`, {
        headers: { authorization: `Bearer wrong-${guess}` },
      });
      await response.body?.cancel();
    }
    const audit = await fetch(`${proxy.url}/manage/audit`, {
      headers: { authorization: `Bearer ${SECRETS.managementToken}` },
    });
    assertEquals(audit.status, 429, "the address waits");
    await audit.body?.cancel();
    const { code, out } = await run(["stop"]);
    assertEquals([code, out], [
      0,
      "The proxy takes no new requests, finishes the running ones, and exits.\n",
    ]);
    assertEquals(await proxy.exited(), 0);
    assertEquals(runFiles(), []);
  }),
);

for (
  const [name, server] of [
    ["IPv6", 'host = "::1"\nport = 0'],
    ["every address", 'host = "0.0.0.0"\nport = 0'],
    ["a name", 'host = "localhost"\nport = 0'],
    ["the admin port", 'host = "127.0.0.1"\nport = 0\nadmin_port = 0'],
    ["HTTP beside HTTPS", `host = "127.0.0.1"\nport = 0\nhttps_port = 0\n${tlsFiles()}`],
    ["HTTPS alone, with a private authority", `host = "127.0.0.1"\nport = 0\n${tlsFiles()}`],
    ["HTTPS on the admin port", `host = "127.0.0.1"\nport = 0\nadmin_port = 0\n${tlsFiles()}`],
  ] as const
) {
  Deno.test({
    ...unless(
      name === "IPv6" ? withoutIpv6() : undefined,
      `reload and stop without --url: a proxy that listens on ${name}`,
    ),
    fn: inPlace(async ({ configure, serve, run }) => {
      if (server.includes("tls_")) await run(["tls", "init"]);
      await configure(server);
      await using proxy = await serve();
      const { code, err } = await run(["reload"]);
      assertEquals([code, err], [0, ""]);
      assertEquals((await run(["stop"])).code, 0);
      assertEquals(await proxy.exited(), 0);
    }),
  });
}

function tlsFiles(): string {
  return 'tls_cert_file = "data/tls/cert.pem"\ntls_key_file = "data/tls/key.pem"';
}

Deno.test(
  "stop: of two proxies with one database, the proxy at the address of the configuration",
  inPlace(async ({ configure, serve, run, runFiles }) => {
    const ports = [freePort(), freePort(), freePort()] as const;
    const [one, other, nothing] = ports.map((port) => ({ PORT: String(port) }));
    await configure('host = "127.0.0.1"');
    await using first = await serve(one);
    await using second = await serve(other);
    assertEquals(runFiles().length, 2);
    const unclear = await run(["stop"], nothing);
    assertEquals(unclear.code, 1);
    assertStringIncludes(unclear.err, "Several proxies have sqlite:./data/llm-proxy.db open");
    for (const port of ports) assertStringIncludes(unclear.err, `http://127.0.0.1:${port}`);
    assertEquals((await run(["stop"], one)).code, 0);
    assertEquals(await first.exited(), 0);
    assertEquals((await run(["stop"], nothing)).code, 0, "only one is left");
    assertEquals(await second.exited(), 0);
  }),
);

Deno.test({
  ...unless(withoutUnix(), "reload: through a symbolic link to the database"),
  fn: inPlace(async ({ folder, configure, serve, run }) => {
    await configure(onPort(0));
    await using _proxy = await serve();
    await Deno.symlink("data/llm-proxy.db", `${folder}/link.db`);
    assertEquals((await run(["reload"], { DATABASE_URL: "sqlite:./link.db" })).code, 0);
  }),
});

Deno.test(
  "reload: a proxy that does not allow the address says so with --url, and without it the command names the reason",
  inPlace(async ({ configure, serve, run }) => {
    await configure(onPort(0));
    await using proxy = await serve({ MANAGEMENT_ALLOWED_IPS: "192.0.2.1" });
    const { code, err } = await run(["reload"]);
    assertEquals(code, 1);
    assertStringIncludes(err, "(status 403)");
    assertStringIncludes(err, "does not allow this address (allowed_ips)");
    assertStringIncludes(
      (await run(["reload", "--url", proxy.url])).err,
      "Your address 127.0.0.1 may not use this",
    );
  }),
);

Deno.test({
  ...unless(withoutUnix(), "stop: a run file that cannot be trusted is refused"),
  fn: inPlace(async ({ folder, configure, serve, run }) => {
    await configure(onPort(0));
    await using _proxy = await serve();
    await Deno.symlink(`${folder}/config.toml`, `${folder}/data/llm-proxy.db-run-00`);
    const { code, err } = await run(["stop"]);
    assertEquals(code, 1);
    assertStringIncludes(err, "llm-proxy.db-run-00 is not a file. The proxy did not create it: remove it.");
    assertStringIncludes(err, "--url URL");
  }),
});
