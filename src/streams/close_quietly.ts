/** Closes a connection; one that has been closed, or turned into a TLS one, cannot be closed again. */
export function closeQuietly(connection: { readonly close: () => void }): void {
  try {
    connection.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error;
  }
}
