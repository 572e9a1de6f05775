import type { Clock } from "../../time/clock.ts";

/** The error if a message to the shared counts got no answer in time. */
export class LateAnswer extends Error {
  override readonly name = "LateAnswer";
}

/**
 * Waits for the answer to a message to the shared counts. Rejects with {@link LateAnswer} after `timeoutMs`;
 * the message may still arrive later.
 *
 * The time consists of two halves. If this process stops for a while, the first half ends late. The answers
 * that arrived in the meantime are then read before the second half ends. A single timer would end before
 * they are read.
 */
export async function within<Value>(
  sent: Promise<Value>,
  { clock, timeoutMs }: { readonly clock: Clock; readonly timeoutMs: number },
): Promise<Value> {
  let stop = (): void => {};
  const late = new Promise<never>((_, reject) => {
    const end = () => reject(new LateAnswer(`no answer within ${Math.round(timeoutMs)} ms`));
    stop = clock.after(timeoutMs / 2, () => stop = clock.after(timeoutMs / 2, end));
  });
  try {
    return await Promise.race([sent, late]);
  } finally {
    stop();
  }
}
