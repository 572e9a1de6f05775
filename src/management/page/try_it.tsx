/**
 * "Try it": sends a short prompt through the proxy, as a client would, and shows the response as it streams.
 */

import { useEffect, useRef, useState } from "preact/hooks";
import type { Connectable, Endpoint } from "./api.ts";
import { Button, Input, Select } from "./controls.tsx";
import { duration } from "./format.ts";
import { ErrorMessage } from "./load_view.tsx";
import { type PromptRequest, streamResponse } from "./stream_response.ts";
import { useSubmit } from "./use_submit.ts";

const PROMPT = "Say hello in five words.";

/**
 * A form that sends the prompt to a chosen endpoint. `models` are suggestions by endpoint. If `token` is
 * empty, the form asks for one.
 */
export function TryIt({ endpoints, models, token: givenToken }: {
  endpoints: readonly Endpoint[];
  models: Connectable["models"];
  token: string;
}) {
  const [name, setName] = useState(endpoints[0]?.name ?? "");
  const endpoint = endpoints.find((one) => one.name === name) ?? endpoints[0];
  const [model, setModel] = useState("");
  const [typedToken, setTypedToken] = useState("");
  const [text, setText] = useState("");
  const [summary, setSummary] = useState("");
  const running = useRef<AbortController>(undefined);
  useEffect(() => () => running.current?.abort(), []);
  const token = givenToken || typedToken;
  const suggested = models[name] ?? "";
  const { busy, error, submit } = useSubmit(() => {
    setText("");
    setSummary("");
    const { signal } = running.current = new AbortController();
    const target = {
      endpoint: name,
      provider: endpoint?.provider ?? "openai",
      model: model || suggested,
      token,
    };
    return sendPrompt(target, signal, (piece) => setText((before) => before + piece));
  }, setSummary);
  return (
    <details>
      <summary>Try it</summary>
      <form onSubmit={submit}>
        <p class="help">
          Sends “{PROMPT}” through the proxy with the token, as a client would. The request counts against
          limits and budgets.
        </p>
        <div class="row">
          <Select
            label="Endpoint to try"
            value={name}
            set={setName}
            options={endpoints.map((one) => [one.name, one.name] as const)}
          />
          <Input
            label="Model"
            name="model"
            placeholder={suggested}
            required={suggested === ""}
            value={model}
            set={setModel}
          />
          {!givenToken && (
            <Input label="Token to try" type="password" required value={typedToken} set={setTypedToken} />
          )}
        </div>
        {/* The keys make two elements: a click on "Stop" must not reach a button that became "Send". */}
        {busy
          ? <Button key="stop" onClick={() => running.current?.abort()}>Stop</Button>
          : <button key="send" type="submit">Send</button>}
        <output>{text}</output>
        <p class="help" role="status">{summary}</p>
        {error && <ErrorMessage error={error} />}
      </form>
    </details>
  );
}

/**
 * Sends the prompt, and passes on the text of the response as it streams. Returns what happened, in words.
 */
async function sendPrompt(
  target: Omit<PromptRequest, "prompt">,
  signal: AbortSignal,
  onText: (piece: string) => void,
): Promise<string> {
  const startedAt = performance.now();
  let firstTextMs: number | undefined;
  try {
    for await (const piece of streamResponse({ ...target, prompt: PROMPT }, signal)) {
      firstTextMs ??= performance.now() - startedAt;
      onText(piece);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
    return "Stopped.";
  }
  if (firstTextMs === undefined) throw new Error("The response contains no text.");
  const totalMs = performance.now() - startedAt;
  return `First text after ${duration(firstTextMs)}, complete after ${duration(totalMs)}.`;
}
