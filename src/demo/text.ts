/** The texts and ids of the demo upstream, which sends the same response to the same request. */

/** The answer to a prompt, split into words for streams. */
export function answerPieces(prompt: string): string[] {
  const answer = `You said: “${prompt.trim().slice(0, 200)}”. I am the demo upstream of llm-proxy. ` +
    "There is no model here: I repeat your message, one word at a time.";
  return answer.match(/\S+\s*/g) ?? [];
}

/** The number of tokens of a text. The demo counts words. */
export function countTokens(text: string): number {
  return text.match(/\S+/g)?.length ?? 0;
}

/** An id that depends only on the text: two 32-bit FNV-1a hashes. */
export function stableId(prefix: string, text: string): string {
  const hash = (seed: number) => {
    let value = seed;
    for (let at = 0; at < text.length; at++) value = Math.imul(value ^ text.charCodeAt(at), 0x01000193);
    return (value >>> 0).toString(16).padStart(8, "0");
  };
  return prefix + hash(0x811c9dc5) + hash(0x01234567);
}

/** An id for a request, which is the same for a streamed response and a plain one. */
export function requestId(prefix: string, body: { readonly [field: string]: unknown }): string {
  const { stream: _, stream_options: __, ...asked } = body;
  return stableId(prefix, JSON.stringify(asked));
}

/** The text of the `content` of a message, which is a string or a list of parts. */
export function textOf(content: unknown): string {
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) return "";
  return content.map((part: unknown) => {
    if (typeof part !== "object" || part === null || !("text" in part)) return "";
    return typeof part.text === "string" ? part.text : "";
  }).filter((text) => text !== "").join(" ");
}

/** The creation time in all responses, so that they do not depend on the clock. In seconds since 1970. */
export const DEMO_EPOCH_SECONDS = 1_767_225_600;
