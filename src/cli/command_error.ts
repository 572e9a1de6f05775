/** The error for a command that failed. The program prints `message`, and nothing else. */
export class CommandError extends Error {
  override readonly name = "CommandError";
  /** The exit code: 1 if the command failed, 2 for wrong usage or a wrong configuration. */
  readonly exitCode: 1 | 2;

  constructor(message: string, exitCode: 1 | 2 = 1) {
    super(message);
    this.exitCode = exitCode;
  }
}
