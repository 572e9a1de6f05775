/** How a client is connected to this proxy. */

import { useState } from "preact/hooks";
import { ClientSettings } from "./client_settings.tsx";
import { Input } from "./controls.tsx";

export function Connect() {
  const [token, setToken] = useState("");
  return (
    <>
      <h1>Connect</h1>
      <p>
        Choose a program, and paste its settings. A new token comes with them: <a href="#tokens">Tokens</a>.
      </p>
      <Input
        label="Token"
        help="To have it in the settings. It is not kept; without it there is a place for it."
        type="password"
        value={token}
        set={(value) => setToken(value.trim())}
      />
      <ClientSettings token={token} />
    </>
  );
}
