/** An upstream that speaks TLS, with a certificate for `localhost` by a CA that nobody knows. */

import { DIRECT } from "../../../src/config/values/defaults.ts";
import { plainAnswer } from "./fake_upstream.ts";

/** One of the files in `tls/`. */
export function pem(name: string): string {
  return Deno.readTextFileSync(new URL(`../tls/${name}`, import.meta.url));
}

/** Connection settings under which the CA of the tests is trusted. */
export const TRUSTING = { ...DIRECT, key: "test CA", caCerts: [pem("ca.pem")] };

/** A TLS server that answers every request the same and says by which protocol it was reached. */
export async function withTlsUpstream(test: (origin: string) => Promise<void>): Promise<void> {
  const listener = Deno.listenTls({
    hostname: "127.0.0.1",
    port: 0,
    cert: pem("cert.pem"),
    key: pem("key.pem"),
    alpnProtocols: ["h2", "http/1.1"],
  });
  const served: Promise<void>[] = [];
  const accepting = (async () => {
    try {
      for await (const connection of listener) served.push(answer(connection));
    } catch (error) {
      if (!(error instanceof Deno.errors.BadResource)) throw error;
    }
  })();
  try {
    await test(`https://localhost:${listener.addr.port}`);
  } finally {
    listener.close();
    await accepting;
    await Promise.all(served);
  }

  async function answer(connection: Deno.TlsConn): Promise<void> {
    using open = connection;
    const buffer = new Uint8Array(4096);
    try {
      const { alpnProtocol } = await open.handshake();
      while (await open.read(buffer) !== null) {
        await open.write(new TextEncoder().encode(plainAnswer(alpnProtocol ?? "none")));
      }
    } catch {
      // A client does not trust the certificate, or resets the connection. The test asserts what is right.
      // An error that is thrown here would end all tests of the file.
    }
  }
}
