/** Ports of programs that tests start. */

import { until } from "../time/deadline.ts";

/**
 * Systems give higher ports to outgoing connections and to listeners on port 0: other tests take them at any
 * time.
 */
const FIRST_PORT = 12_000;
const PORTS = 20_000;

/** A port that nothing listens on, and that the system gives to no other program. */
export function freePort(): number {
  for (;;) {
    const port = FIRST_PORT + Math.floor(Math.random() * PORTS);
    try {
      Deno.listen({ hostname: "127.0.0.1", port }).close();
      return port;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
}

/** Waits until a program takes connections. Throws, with the program's name, if that takes too long. */
export async function listening(port: number, what = "a program"): Promise<void> {
  const isListening = async (): Promise<boolean> => {
    try {
      (await Deno.connect({ hostname: "127.0.0.1", port })).close();
      return true;
    } catch {
      return false;
    }
  };
  await until(isListening, `${what} at port ${port}`);
}
