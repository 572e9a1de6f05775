/** What is told of a body while it passes. */
export interface BodyWatch {
  readonly chunk: (bytes: number) => void;
  /** Once, when the last byte has been handed on. */
  readonly completed: () => void;
  /** Once, when the source died; what the client gets is cut, so that it does not look finished. */
  readonly failed: (error: unknown) => void;
  /** Once, when the client left. */
  readonly abandoned: () => void;
}

/**
 * Hands a body on, chunk by chunk as they come. It reads only when the client takes: a slow client slows the
 * upstream, and one that has left stops it.
 */
export function relayBody(source: ReadableStream<Uint8Array>, watch: BodyWatch): ReadableStream<Uint8Array> {
  const reader = source.getReader();
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { done, value } = await reader.read();
        if (done) {
          watch.completed();
          controller.close();
        } else {
          watch.chunk(value.byteLength);
          controller.enqueue(value);
        }
      } catch (error) {
        watch.failed(error);
        controller.error(error);
      }
    },
    async cancel(reason) {
      watch.abandoned();
      await reader.cancel(reason);
    },
  }, { highWaterMark: 0 });
}
