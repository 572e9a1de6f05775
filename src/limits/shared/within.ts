import type { Clock } from "../../time/clock.ts";

/** Waits for a message of the shared counts. Rejects after `timeoutMs`; the message may still arrive later. */
export async function within<Value>(
  sent: Promise<Value>,
  { clock, timeoutMs }: { readonly clock: Clock; readonly timeoutMs: number },
): Promise<Value> {
  let stop = (): void => {};
  const late = new Promise<never>((_, reject) => {
    stop = clock.after(timeoutMs, () => reject(new Error(`no answer within ${timeoutMs} ms`)));
  });
  try {
    return await Promise.race([sent, late]);
  } finally {
    stop();
  }
}
