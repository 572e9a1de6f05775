/** Ports of programs that tests start. */

/** A port that nothing listens on now. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** Waits until a program takes connections; fails after ten seconds. */
export async function listening(port: number): Promise<void> {
  const end = performance.now() + 10_000;
  while (true) {
    try {
      return (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    } catch (error) {
      if (performance.now() > end) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}
