import { chunk, plainAnswer, type Script } from "./fake_upstream.ts";
import { gather } from "../clients/http_reader.ts";

/** What every stream ends with. */
export const STREAM_END = "data: [DONE]\n\n";

/**
 * Answers chats, plain and streamed, without a request id of its own: the one that the client sees is then
 * the proxy's, by which its exchange can be found again. `pace` is awaited before a plain answer, and behind
 * each event of a stream.
 */
export function namelessProvider(pace: () => Promise<void> = () => Promise.resolve()): Script {
  return async ({ body, write }) => {
    const asked: unknown = JSON.parse(new TextDecoder().decode(await gather(body())));
    const usage = { prompt_tokens: 3, completion_tokens: 5, total_tokens: 8 };
    const isStream = typeof asked === "object" && asked !== null && "stream" in asked &&
      asked.stream === true;
    if (!isStream) {
      await pace();
      const answer = { object: "chat.completion", model: "demo-small", usage };
      return await write(
        plainAnswer(JSON.stringify(answer), { headers: "Content-Type: application/json\r\n" }),
      );
    }
    await write("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (const part of ["one", "two", "three"]) {
      await write(chunk(`data: {"model":"demo-small","choices":[{"delta":{"content":"${part}"}}]}\n\n`));
      await pace();
    }
    await write(
      chunk(`data: {"choices":[],"usage":${JSON.stringify(usage)}}\n\n${STREAM_END}`) + "0\r\n\r\n",
    );
  };
}
