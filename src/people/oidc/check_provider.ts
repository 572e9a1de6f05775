/** Checks for `llm-proxy check --online` whether the proxy can use a provider. */

import type { SignInProvider } from "../../config/config.ts";
import type { Transport } from "../../forwarding/transport/transport.ts";
import type { Clock } from "../../time/clock.ts";
import { OidcProvider } from "./oidc_provider.ts";
import { outbound } from "./outbound.ts";
import { SignInFailure } from "./signed_in.ts";

/** Whether a provider can be used, as far as its metadata say. */
export interface ProviderCheck {
  readonly ok: boolean;
  /** A sentence for the administrator. */
  readonly detail: string;
}

/**
 * Reads the metadata of a provider. The client id and its secret are not checked, because only a sign-in uses
 * them. Never throws a {@link SignInFailure}.
 */
export async function checkProvider(
  provider: SignInProvider,
  { transport, clock }: { readonly transport: Pick<Transport, "send">; readonly clock: Clock },
): Promise<ProviderCheck> {
  if (provider.preset === "github") return { ok: true, detail: "GitHub has no metadata to check" };
  try {
    await new OidcProvider({ provider, clock, send: outbound({ provider, transport, clock }) }).check();
    return { ok: true, detail: "the metadata of the provider are right" };
  } catch (error) {
    if (!(error instanceof SignInFailure)) throw error;
    const { message, detail } = error;
    return { ok: false, detail: detail === undefined ? message : `${message} (${detail})` };
  }
}
