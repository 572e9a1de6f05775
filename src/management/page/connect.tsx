/** The page "Connect": how to connect a client to this proxy. */

import { useState } from "preact/hooks";
import { ClientSettings } from "./client_settings.tsx";
import { Input } from "./controls.tsx";

/** Shows the settings of a chosen client, with a token if one is typed. */
export function Connect() {
  const [token, setToken] = useState("");
  return (
    <>
      <h1>Connect</h1>
      <p>
        Choose a client and copy its settings. <a href="#tokens">Tokens</a>{" "}
        shows the same settings when you create a token.
      </p>
      <Input
        label="Token"
        help="Optional: fills the token into the settings. This page does not store it."
        type="password"
        value={token}
        set={(value) => setToken(value.trim())}
      />
      <ClientSettings token={token} />
    </>
  );
}
