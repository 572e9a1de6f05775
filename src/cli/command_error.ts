/** A command could not do what it was asked. `message` is all that a person is shown. */
export class CommandError extends Error {
  override readonly name = "CommandError";
  /** 1: it failed; 2: wrong usage or configuration. */
  readonly exitCode: 1 | 2;

  constructor(message: string, exitCode: 1 | 2 = 1) {
    super(message);
    this.exitCode = exitCode;
  }
}
