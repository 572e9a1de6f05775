/**
 * Returns a function that returns whether the terminal of this program was closed. The system detaches the
 * standard streams from a closed terminal before it sends SIGHUP. If there was no terminal at the start, the
 * function always returns `false`.
 */
export function watchTerminal(): () => boolean {
  const terminals = [Deno.stdin, Deno.stdout, Deno.stderr].filter((stream) => stream.isTerminal());
  return () => terminals.length > 0 && terminals.every((stream) => !stream.isTerminal());
}
