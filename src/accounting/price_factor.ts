/** What another tier of processing costs, as a multiple of a model's published price, which is that of the standard tier. */

/** A multiple of a price. */
export interface PriceFactor {
  readonly factor: number;
  /** It differs by model, and the greatest is taken. */
  readonly isGuessed: boolean;
}

const STANDARD: PriceFactor = { factor: 1, isGuessed: false };
const FACTORS: ReadonlyMap<string, PriceFactor> = new Map([
  // https://openai.com/api-priority-processing/ lists 1.7 to 2 times.
  ["priority", { factor: 2, isGuessed: true }],
  // https://platform.openai.com/docs/guides/flex-processing: the rates of batches, which are half.
  ["flex", { factor: 0.5, isGuessed: false }],
  ["batch", { factor: 0.5, isGuessed: false }],
  // https://docs.anthropic.com/en/build-with-claude/fast-mode: 6 times for the models that had it first.
  ["fast", { factor: 6, isGuessed: true }],
]);

/** The factor of the tier that an answer tells, else of the one that was asked for. */
export function priceFactor(reported: string | undefined, asked: string | undefined): PriceFactor {
  return FACTORS.get(reported ?? asked ?? "") ?? STANDARD;
}
