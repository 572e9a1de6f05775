import { CHUNKS } from "./chunk_cases.ts";
import { TRANSFER_CODINGS } from "./coding_cases.ts";
import { HOST_FAMILIES } from "./host_cases.ts";
import type { Family } from "./hostile_case.ts";
import { LENGTHS } from "./length_cases.ts";
import { LINE_FAMILIES } from "./line_cases.ts";
import { PIPELINES } from "./pipeline_cases.ts";
import { PROTOCOL_FAMILIES } from "./protocol_cases.ts";
import { TARGETS } from "./target_cases.ts";

/** All families of hostile requests. */
export const FAMILIES: readonly Family[] = [
  ...LENGTHS,
  ...TRANSFER_CODINGS,
  ...CHUNKS,
  ...LINE_FAMILIES,
  ...TARGETS,
  ...HOST_FAMILIES,
  ...PROTOCOL_FAMILIES,
  ...PIPELINES,
];
