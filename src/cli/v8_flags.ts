/**
 * The flags of V8 for the program. The tasks of deno.json have the same flags.
 *
 * The space for young objects is small at the start, and grows to 16 MB only if many of them survive, as they
 * do while many requests are open. With at most 4 MB, they were moved to the old space too early: a request
 * with a managed token over 128 connections then took 198 to 279 µs of CPU time, and takes 151 to 162 µs now
 * (four rounds in turns, 2026-12-01). It costs 10 to 20 MB with 1,000 open streams, and nothing while idle.
 *
 * Some time after the load has ended, V8 runs a garbage collection to reduce memory. This collection drops
 * the shapes of objects that do not exist at this moment, and the compiled code that depends on them. Between
 * two bursts of requests there are no exchanges. So 154 compiled functions were lost each time, and the next
 * requests took twice the CPU time until the functions were compiled again (measured 2026-11-30, when V8
 * waited eight seconds). With these flags, V8 waits five minutes. Usual collections keep the code.
 *
 * A usual collection begins when the heap has grown by half, and not only when it has doubled. This saves 23
 * MB after a load.
 */
export const V8_FLAGS: string = `--v8-flags=${
  [
    "--min-semi-space-size=4",
    "--max-semi-space-size=16",
    "--memory-reducer-delay-ms=300000",
    "--heap-growing-percent=50",
  ].join(",")
}`;
