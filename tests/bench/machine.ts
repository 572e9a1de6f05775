/** What figures depend on, besides the programs. */

/** A machine that measures. */
export interface Machine {
  readonly processor: string;
  readonly cores: number;
  readonly kernel: string;
  /** The version of Deno. */
  readonly deno: string;
}

/** This machine. */
export function machine(): Machine {
  const [, processor = "unknown processor"] =
    /^model name\s*: (.*)$/m.exec(Deno.readTextFileSync("/proc/cpuinfo")) ?? [];
  return {
    processor,
    cores: navigator.hardwareConcurrency,
    kernel: Deno.osRelease(),
    deno: Deno.version.deno,
  };
}

/** A machine in one line. */
export function described({ processor, cores, kernel, deno }: Machine): string {
  return `${processor}, ${cores} cores, Linux ${kernel}, Deno ${deno}`;
}
