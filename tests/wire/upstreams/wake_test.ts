/** Wake-on-LAN: a UDP listener on loopback takes the packet, and then the server of the backend starts. */

import { createSocket } from "node:dgram";
import { assert, assertEquals } from "@std/assert";
import type { Backend } from "../../../src/config/config.ts";
import { freePort } from "../../support/processes/port.ts";
import { testBackend, testEndpoint } from "../../support/proxies/config.ts";
import { FakeUpstream, plainAnswer } from "../../support/upstreams/fake_upstream.ts";
import { gather } from "../../support/clients/http_reader.ts";
import { LocalProxy } from "../../support/proxies/local_proxy.ts";
import { RawClient, rawRequest } from "../../support/clients/raw_client.ts";
import { until, within } from "../../support/time/deadline.ts";
import { SECRETS } from "../../support/data/secrets.ts";

const TOKEN = `Authorization: Bearer ${SECRETS.proxyToken}`;
const MAC = "0a:1b:2c:3d:4e:5f";

/** A machine that sleeps until a packet wakes it. */
class Sleeper implements AsyncDisposable {
  readonly packets: Uint8Array[] = [];
  /** The bodies of the requests that the server got. */
  readonly bodies: string[] = [];
  readonly targets: string[] = [];
  readonly origin: string;
  readonly udpPort: number;
  readonly #socket: ReturnType<typeof createSocket>;
  #server: Deno.HttpServer | undefined;
  #packet = Promise.withResolvers<void>();

  private constructor(
    socket: ReturnType<typeof createSocket>,
    { httpPort, wakes }: { httpPort: number; wakes: boolean },
  ) {
    this.#socket = socket;
    this.udpPort = socket.address().port;
    this.origin = `http://127.0.0.1:${httpPort}`;
    socket.on("message", (packet) => {
      this.packets.push(new Uint8Array(packet));
      if (wakes) this.#server ??= this.#serve(httpPort);
      this.#packet.resolve();
    });
  }

  static async create({ wakes = true } = {}): Promise<Sleeper> {
    const socket = createSocket("udp4");
    await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
    // Nothing listens at the port until the machine is awake.
    return new Sleeper(socket, { httpPort: freePort(), wakes });
  }

  /** Resolves with the first packet. */
  woken(): Promise<void> {
    return within(this.#packet.promise, "a packet of Wake-on-LAN");
  }

  backend(more: Partial<Backend> = {}): Backend {
    return testBackend(this.origin, {
      name: "gpu",
      key: { mode: "inject", value: SECRETS.openaiKey },
      wake: { mac: MAC, hostname: "127.0.0.1", port: this.udpPort, timeoutMs: 30_000 },
      ...more,
    });
  }

  #serve(port: number): Deno.HttpServer {
    return Deno.serve({ hostname: "127.0.0.1", port, onListen() {} }, async (request) => {
      this.targets.push(new URL(request.url).pathname);
      this.bodies.push(await request.text());
      return new Response("awake");
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.close();
    await this.#server?.shutdown();
  }
}

function post(proxy: LocalProxy, body: string): ReturnType<typeof rawRequest> {
  return rawRequest(proxy.url, ["POST /chat/v1/x HTTP/1.1", TOKEN, `Content-Length: ${body.length}`], body);
}

Deno.test("wake: a request to the only backend waits until the machine is awake, with its body byte for byte", async () => {
  await using sleeper = await Sleeper.create();
  await using proxy = new LocalProxy(sleeper, { endpoints: [testEndpoint("chat", [sleeper.backend()])] });
  const bodies = [`{ "a" : 1 }`, "x".repeat(200_000)];
  const answers = await Promise.all(bodies.map((body) => post(proxy, body)));
  assertEquals(answers.map(({ status, text }) => `${status} ${text}`), ["200 awake", "200 awake"]);
  const [packet, ...others] = sleeper.packets;
  const mac = [0x0a, 0x1b, 0x2c, 0x3d, 0x4e, 0x5f];
  assertEquals([...packet ?? []], [...Array(6).fill(0xff), ...Array.from({ length: 16 }, () => mac).flat()]);
  assertEquals([packet?.length, others], [102, []], "one packet for both requests");
  const posted = sleeper.bodies.filter((_, index) => sleeper.targets[index] === "/v1/x");
  assertEquals(posted.sort(), bodies.sort());
  const { detail, backend } = await proxy.logged("backend_waking");
  assertEquals([backend, detail], ["gpu", "the proxy sent a packet of Wake-on-LAN"]);
  const attempts = () =>
    proxy.log.filter(({ event }) => event === "exchange").map((line) => line["attempts"]);
  await until(() => attempts().length === 2, "the lines of both requests");
  assert(attempts().includes(2), "one of them met the sleeping machine");
});

Deno.test("wake: the next backend serves at once, while the machine wakes up", async () => {
  await using sleeper = await Sleeper.create();
  await using cloud = new FakeUpstream({
    script: async (exchange) => {
      await gather(exchange.body());
      await exchange.write(plainAnswer("cloud"));
    },
  });
  const next = testBackend(cloud.origin, {
    name: "cloud",
    key: { mode: "inject", value: SECRETS.openaiKey },
  });
  await using proxy = new LocalProxy(cloud, { endpoints: [testEndpoint("chat", [sleeper.backend(), next])] });
  assertEquals((await post(proxy, "x")).text, "cloud");
  await sleeper.woken();
  assertEquals((await post(proxy, "x")).text, "awake", "the machine is preferred again");
  assertEquals(sleeper.packets.length, 1);
});

Deno.test("wake: a machine that stays asleep is a 502 after wake_timeout, and a client that leaves ends the wait", async () => {
  await using sleeper = await Sleeper.create({ wakes: false });
  const wake = { mac: MAC, hostname: "127.0.0.1", port: sleeper.udpPort, timeoutMs: 50 };
  const endpoints = [
    testEndpoint("chat", [sleeper.backend({ wake })]),
    testEndpoint("long", [sleeper.backend({ wake: { ...wake, timeoutMs: 3_600_000 } })]),
  ];
  await using proxy = new LocalProxy(sleeper, { endpoints });
  const answer = await post(proxy, "x");
  assertEquals([answer.status, answer.header("x-llm-proxy-error")], [502, "bad_gateway"]);
  const client = await RawClient.connect(proxy.url);
  await client.send(`POST /long/v1/x HTTP/1.1\r\nHost: p\r\n${TOKEN}\r\nContent-Length: 1\r\n\r\nx`);
  await until(() => sleeper.packets.length === 2, "the packet for the second endpoint");
  client[Symbol.dispose]();
  const exchangeOf = (endpoint: string) =>
    proxy.log.find((line) => line.event === "exchange" && line["endpoint"] === endpoint);
  await until(() => exchangeOf("long") !== undefined, "the end of the exchange");
  const gone = exchangeOf("long");
  assertEquals([gone?.["status"], gone?.["ending"]], [499, "client_gone"]);
  assert(!sleeper.targets.includes("/v1/x"));
});

Deno.test("wake: a packet that cannot be sent is a line of the log, and the request still fails over", async () => {
  await using sleeper = await Sleeper.create();
  const wake = { mac: MAC, hostname: "no-such-host.invalid", port: 9, timeoutMs: 50 };
  await using proxy = new LocalProxy(sleeper, {
    endpoints: [testEndpoint("chat", [sleeper.backend({ wake })])],
  });
  assertEquals((await post(proxy, "x")).status, 502);
  const { detail } = await proxy.logged("backend_waking");
  assert(String(detail).startsWith("the packet of Wake-on-LAN was not sent: "), String(detail));
});
