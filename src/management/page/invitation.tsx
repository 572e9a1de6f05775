/** Makes an invitation link for a person, and shows it once. */

import { useState } from "preact/hooks";
import { call, type Invitation, type Person } from "./api.ts";
import { Button } from "./controls.tsx";
import { CopyButton } from "./copy_button.tsx";
import { Dialog, FormEnd } from "./dialog.tsx";
import { moment } from "./format.ts";
import { invitationLink } from "./invitation_link.ts";
import { useSubmit } from "./use_submit.ts";

/** A dialog that makes a link on demand, because a new link ends the earlier ones. */
export function InvitationDialog({ person, onClose }: { person: Person; onClose: () => void }) {
  const [invitation, setInvitation] = useState<Invitation>();
  const { busy, error, submit } = useSubmit(
    async () => (await call<Invitation>("POST", `/people/${person.id}/invitation`)).body,
    setInvitation,
  );
  return (
    <Dialog title={`Invite ${person.name}`} onClose={onClose}>
      {invitation === undefined
        ? (
          <form onSubmit={submit}>
            <p>
              With the link, the person sets a passphrase and signs in. It works once, for 7 days. A new link
              ends the earlier ones.
            </p>
            <FormEnd action="Make a link" busy={busy} error={error} onClose={onClose} />
          </form>
        )
        : (
          <>
            <p>
              Send this link to the person. You cannot see it again. It works until{" "}
              {moment(invitation.expires_at)}.
            </p>
            <div class="secret">
              <code>{invitationLink(invitation, location)}</code>
              <CopyButton text={invitationLink(invitation, location)} />
            </div>
            <footer>
              <Button class="primary" onClick={onClose}>Done</Button>
            </footer>
          </>
        )}
    </Dialog>
  );
}
