/**
 * Closes a connection. Does nothing if the connection is already closed, or if `Deno.startTls` took it over.
 */
export function closeQuietly(connection: { readonly close: () => void }): void {
  try {
    connection.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error;
  }
}
