/**
 * The flags of V8 for the program. The tasks of deno.json have the same flags.
 *
 * Small semi-spaces save a third of the memory under load, because most objects of a proxy die young.
 *
 * V8 runs a garbage collection to reduce memory some time after the load has ended. This collection forgets
 * the shapes of objects that do not exist at this moment, and the compiled code that depends on them. Between
 * two bursts of requests no exchange exists, so 154 compiled functions were lost each time, and the next
 * requests took twice the CPU time until they were compiled again (measured 2026-11-30, when V8 waited eight
 * seconds). The program waits five minutes. Usual collections keep the code.
 *
 * A usual collection comes when the heap has grown by half, not only when it has grown to twice its size.
 * This saves 23 MB after a load.
 */
export const V8_FLAGS: string = `--v8-flags=${
  [
    "--min-semi-space-size=4",
    "--max-semi-space-size=4",
    "--memory-reducer-delay-ms=300000",
    "--heap-growing-percent=50",
  ].join(",")
}`;
