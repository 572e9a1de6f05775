/** The name of this machine. `undefined` if the program has no permission to read it. */
export function ownHostname(): string | undefined {
  try {
    return Deno.hostname();
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) return undefined;
    throw error;
  }
}
