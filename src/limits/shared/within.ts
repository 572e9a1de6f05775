import type { Clock } from "../../time/clock.ts";

/** A message of the shared counts had no answer in time. */
export class LateAnswer extends Error {
  override readonly name = "LateAnswer";
}

/**
 * Waits for a message of the shared counts. Rejects with {@link LateAnswer} after `timeoutMs`; the message
 * may still arrive later.
 *
 * The time passes in two halves. If this process stands still, the first half ends late, and the answers that
 * came meanwhile are read before the second half ends. One long timer would end before they are read.
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
