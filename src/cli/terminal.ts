/**
 * Tells whether the terminal that this program was started in is gone, by what stands on its standard streams: the
 * system takes them away before it sends SIGHUP. A program that was started without a terminal never says so.
 */
export function watchTerminal(): () => boolean {
  const terminals = [Deno.stdin, Deno.stdout, Deno.stderr].filter((stream) => stream.isTerminal());
  return () => terminals.length > 0 && terminals.every((stream) => !stream.isTerminal());
}
