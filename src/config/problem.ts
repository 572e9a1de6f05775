/** One thing that is wrong with the configuration. `message` never holds a secret. */
export interface Problem {
  /** Where the value stands: `env PORT`, `.env: PORT`, `--port`. */
  readonly origin: string;
  /** What is wrong with it, as the rest of a sentence that begins with the origin. */
  readonly message: string;
}

/** The configuration cannot be used; it holds every problem that was found. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super(problems.map(({ origin, message }) => `${origin} ${message}`).join("; "));
    this.problems = problems;
  }
}
