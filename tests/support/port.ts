/** Ports of programs that tests start. */

import { until } from "./deadline.ts";

/** A port that nothing listens on now. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
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
