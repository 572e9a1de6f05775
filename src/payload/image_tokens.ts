/** The tokens of images by their size, by the formulas that providers publish. */

import type { ImageSize } from "./image_size.ts";

/**
 * The tokens of some images, for each family of models. For a model of no family, the highest number counts.
 */
export interface ImageTokens {
  readonly miniTiles: number;
  readonly imageModel: number;
  readonly largePatches: number;
  readonly openai: number;
  readonly anthropic: number;
  readonly gemini: number;
}

/** The tokens of a body that has no images. */
export const NO_IMAGES: ImageTokens = {
  miniTiles: 0,
  imageModel: 0,
  largePatches: 0,
  openai: 0,
  anthropic: 0,
  gemini: 0,
};

/**
 * The families, by patterns for the names of models. The first pattern that matches counts. `gpt-4o-mini`
 * needs 33 times the tokens of other models, at about a 33rd of their price.
 */
const FAMILIES: readonly (readonly [RegExp, keyof ImageTokens])[] = [
  [/gpt-4o-mini/, "miniTiles"],
  [/(?:^|[/.:])(?:chat)?gpt-image/, "imageModel"],
  [/(?:^|[/.:])gpt-(?:5\.[4-9]|[6-9])/, "largePatches"],
  [/(?:^|[/.:])(?:gpt-|chatgpt-|o\d|computer-use)/, "openai"],
  [/claude/, "anthropic"],
  [/gemini/, "gemini"],
];

/**
 * OpenAI scales an image to fit into a square with this side, in pixels. It then scales the shorter side to
 * the second length.
 */
const LARGEST_SIDE = 2_048;
const SHORTER_SIDE = 768;
const TILE = 512;
const PATCH = 32;
const MOST_PATCHES = 1_536;
/** The highest factor for patches, which the smallest models have. */
const PATCH_FACTOR = 2.46;
const MOST_LARGE_PATCHES = 10_000;
/** The tokens of the high fidelity of OpenAI's models for images. */
const FIDELITY_TOKENS = 6_240;
/** The pixels of one token at Anthropic, which scales larger images down. */
const PIXELS_PER_ANTHROPIC_TOKEN = 750;
const ANTHROPIC_PATCH = 28;
const MOST_ANTHROPIC_TOKENS = 4_784;
/**
 * The tokens of a tile. Gemini divides an image into tiles with a side of 256 to 768 pixels. Newer models
 * have a fixed number of tokens.
 */
const GEMINI_TILE_TOKENS = 258;
const SMALLEST_GEMINI_TILE = 256;
const LARGEST_GEMINI_TILE = 768;
const GEMINI_FIXED_TOKENS = 2_240;

/**
 * Returns the tokens of one image, by its size. A request can choose a level of detail, which can only lower
 * them.
 */
export function tokensOfImage({ width, height }: ImageSize): ImageTokens {
  const tiles = openaiTiles(width, height);
  const patches = Math.ceil(width / PATCH) * Math.ceil(height / PATCH);
  const ofPatches = Math.ceil(Math.min(patches, MOST_PATCHES) * PATCH_FACTOR);
  const openai = Math.max(85 + 170 * tiles, ofPatches);
  return {
    miniTiles: 2_833 + 5_667 * tiles,
    imageModel: 65 + 129 * tiles + FIDELITY_TOKENS,
    largePatches: Math.max(openai, Math.min(patches, MOST_LARGE_PATCHES)),
    openai,
    anthropic: Math.min(
      MOST_ANTHROPIC_TOKENS,
      Math.max(
        Math.ceil(width * height / PIXELS_PER_ANTHROPIC_TOKEN),
        Math.ceil(width / ANTHROPIC_PATCH) * Math.ceil(height / ANTHROPIC_PATCH),
      ),
    ),
    gemini: Math.max(GEMINI_FIXED_TOKENS, GEMINI_TILE_TOKENS * geminiTiles(width, height)),
  };
}

/** Adds the tokens of images, for each family. */
export function plusImages(one: ImageTokens, other: ImageTokens): ImageTokens {
  return {
    miniTiles: one.miniTiles + other.miniTiles,
    imageModel: one.imageModel + other.imageModel,
    largePatches: one.largePatches + other.largePatches,
    openai: one.openai + other.openai,
    anthropic: one.anthropic + other.anthropic,
    gemini: one.gemini + other.gemini,
  };
}

/**
 * Returns the tokens of images for a model. An unknown or undefined model counts as the family with the most
 * tokens.
 */
export function imageTokensFor(images: ImageTokens, model: string | undefined): number {
  const lower = model?.toLowerCase() ?? "";
  const family = FAMILIES.find(([pattern]) => pattern.test(lower))?.[1];
  return family === undefined ? Math.max(...Object.values(images)) : images[family];
}

function openaiTiles(width: number, height: number): number {
  const fit = Math.min(1, LARGEST_SIDE / Math.max(width, height));
  const scale = fit * Math.min(1, SHORTER_SIDE / (Math.min(width, height) * fit));
  // The scaled sides are fractions, and rounding errors may make them a little too long.
  const tilesOf = (side: number) => Math.max(1, Math.ceil(Math.round(side * scale * 1000) / 1000 / TILE));
  return tilesOf(width) * tilesOf(height);
}

function geminiTiles(width: number, height: number): number {
  const side = Math.min(width, height) / 1.5;
  const tile = Math.floor(Math.min(LARGEST_GEMINI_TILE, Math.max(SMALLEST_GEMINI_TILE, side)));
  return Math.ceil(width / tile) * Math.ceil(height / tile);
}
