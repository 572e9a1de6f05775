/** Sends one tiny request through the proxy, as a client would, and shows what comes. */

import { useEffect, useRef, useState } from "preact/hooks";
import type { Connectable, Endpoint } from "./api.ts";
import { duration } from "./format.ts";
import { Input, Select } from "./controls.tsx";
import { Failure, useSubmit } from "./pieces.tsx";
import { streamAnswer } from "./stream_answer.ts";

const PROMPT = "Say hello in five words.";

export function TryIt({ endpoints, models, token: given }: {
  endpoints: readonly Endpoint[];
  models: Connectable["models"];
  token: string;
}) {
  const [name, setName] = useState(endpoints[0]?.name ?? "");
  const endpoint = endpoints.find((one) => one.name === name) ?? endpoints[0];
  const [model, setModel] = useState("");
  const [typed, setTyped] = useState("");
  const [text, setText] = useState("");
  const [took, setTook] = useState("");
  const asking = useRef<AbortController>(undefined);
  useEffect(() => () => asking.current?.abort(), []);
  const token = given || typed;
  const usual = models[name] ?? "";
  const { busy, error, submit } = useSubmit(async () => {
    setText("");
    setTook("");
    const began = performance.now();
    const { signal } = asking.current = new AbortController();
    const question = {
      endpoint: name,
      provider: endpoint?.provider ?? "openai",
      model: model || usual,
      token,
    };
    let first: number | undefined;
    try {
      for await (const piece of streamAnswer({ ...question, prompt: PROMPT }, signal)) {
        first ??= performance.now() - began;
        setText((before) => before + piece);
      }
    } catch (error) {
      if (!signal.aborted) throw error;
      return setTook("Stopped.");
    }
    if (first === undefined) throw new Error("The answer held no text.");
    setTook(`First byte after ${duration(first)}, all of it after ${duration(performance.now() - began)}.`);
  }, () => {});
  return (
    <details>
      <summary>Try it</summary>
      <form onSubmit={submit}>
        <p class="help">
          It sends “{PROMPT}” through the proxy with the token, as a client would. It is counted like any
          other.
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
            placeholder={usual}
            required={usual === ""}
            value={model}
            set={setModel}
          />
          {!given && <Input label="Token to try" type="password" required value={typed} set={setTyped} />}
        </div>
        {/* With keys: one element that changed from the one into the other would send what it has just stopped. */}
        {busy
          ? <button key="stop" type="button" onClick={() => asking.current?.abort()}>Stop</button>
          : <button key="send" type="submit">Send</button>}
        <output>{text}</output>
        <p class="help" role="status">{took}</p>
        {error && <Failure error={error} />}
      </form>
    </details>
  );
}
