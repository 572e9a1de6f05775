import type { SeenMedia } from "../estimates/media_estimate.ts";
import type { SeenObject } from "../settlement/object_reader.ts";
import type { UsageStep } from "../usage/reported_usage.ts";
import type { Usage } from "../usage/usage.ts";

/** The estimated usage of an unfinished response of a session. */
export interface UnfinishedUsage extends Usage {
  /** The time without visible output, in milliseconds. Absent if there was none, or if it is unknown. */
  readonly unseenMs?: number;
}

/** The facts that the proxy read from a response. A value is absent if the response does not have it. */
export interface ResponseSummary {
  readonly usage: Usage;
  /** The usage of other models for the same response. {@link usage} does not include it. */
  readonly steps?: readonly UsageStep[];
  /** The length of its text in bytes of JSON. Absent if the proxy does not read text of this type. */
  readonly textBytes?: number;
  /** The number of pieces of text. Each has at least one token. */
  readonly texts?: number;
  /** The estimated tokens of the text. */
  readonly textTokens?: number;
  /** The estimated tokens of the text after the last reported usage. */
  readonly unreportedTextTokens?: number;
  /** Whether the response was streamed while it was generated. */
  readonly isStream?: boolean;
  readonly model?: string;
  readonly stopReason?: string;
  /** The service tier that generated the response: `priority`, `default`, `fast`. */
  readonly tier?: string;
  /** The estimated usage of the unfinished responses of a session. Absent for single responses. */
  readonly unfinished?: readonly UnfinishedUsage[];
  /**
   * The estimated usage of messages of a session that may belong to no response. It counts only for limits.
   */
  readonly uncertain?: Usage;
  /** The contradictions between the reported numbers, as texts for a log. */
  readonly contradictions?: readonly string[];
  /** The images and the sound that the response shows. Absent if it shows neither. */
  readonly media?: SeenMedia;
  /** Set if a stream shows a call of a hosted tool. The model reads the result of such a call. */
  readonly hasHostedCalls?: true;
  /** The facts about an object in the response. Absent for requests that concern no object. */
  readonly object?: SeenObject;
}
