/**
 * Closes a connection. A connection that is closed already, or that `Deno.startTls` took over, stays as it
 * is.
 */
export function closeQuietly(connection: { readonly close: () => void }): void {
  try {
    connection.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error;
  }
}
